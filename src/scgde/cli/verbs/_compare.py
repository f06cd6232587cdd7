from __future__ import annotations

from typing import Annotated, Any

import typer

from scgde.cli._console import plain_messages
from scgde.cli._options import FittedFile, Key, Overwrite, Seed, Table, Threads
from scgde.cli._threads import limited_threads


def compare(
    file: FittedFile,
    columns: Annotated[list[str], typer.Argument(help="Columns with the group of each set.", show_default=False)],
    only: Annotated[
        list[str] | None, typer.Option(help="Value of COLUMNS, if that is one: sets with others are left out; repeat.")
    ] = None,
    block_key: Annotated[
        list[str] | None, typer.Option(help="Column within whose values sets are permuted; repeat to combine.")
    ] = None,
    pair_key: Annotated[str | None, typer.Option(help="Column that names the two sets of a pair.")] = None,
    statistic: Annotated[str, typer.Option(help="energy, ...")] = "energy",
    metric: Annotated[str, typer.Option(help="Distance between sets.")] = "embedding",
    n_permutations: Annotated[int, typer.Option(help="Permutations of sets.")] = 999,
    output: Table = None,
    key: Key = None,
    seed: Seed = 0,
    threads: Threads = None,
    overwrite: Overwrite = False,
) -> None:
    """Test whether groups of sets differ, by permutation of sets.

    Example: scgde compare fitted.h5ad disease sex --block-key batch

    Two of several groups: scgde compare fitted.h5ad disease --only healthy --only covid
    """
    with plain_messages(), limited_threads(threads):
        from scgde import tl
        from scgde.cli._files import check_table, read_fit, write_table
        from scgde.cli._sets import keep_values
        from scgde.cli._tables import print_table

        check_table(output, overwrite=overwrite)
        if only and len(columns) != 1:
            msg = f"`--only` needs one column, got {columns}."
            raise ValueError(msg)
        adata, key = read_fit(file, key)
        if only:
            keep_values(adata, columns[0], only, key)
        options: dict[str, Any] = {
            "statistic": statistic,
            "metric": metric,
            "n_permutations": n_permutations,
            "seed": seed,
        }
        tests = tl.compare_all_groups(
            adata, columns, block_key=block_key or None, pair_key=pair_key, key=key, **options
        )
        print_table(tests, f"Groups of sets, {n_permutations:,} permutations")
        write_table(tests.reset_index(), output, overwrite=overwrite)
