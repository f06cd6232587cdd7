from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scgde.cli._console import plain_messages
from scgde.cli._options import Decode, FittedFile, Key, NCells, Output, Overwrite, Seed, Threads
from scgde.cli._threads import limited_threads


def generate(
    file: FittedFile,
    sets: Annotated[
        list[str] | None, typer.Argument(help="Names of sets, or column=value. [default: all]", show_default=False)
    ] = None,
    output: Output = Path("generated.h5ad"),
    n_cells: NCells = 500,
    batch: Annotated[str | None, typer.Option(help="Batch of the drawn cells. [default: that of each]")] = None,
    decode: Decode = False,
    key: Key = None,
    seed: Seed = 0,
    threads: Threads = None,
    overwrite: Overwrite = False,
) -> None:
    """Draw cells from the embeddings of sets.

    SETS such as status=Covid stand for the mean of all sets with this value.

    Example: scgde generate fitted.h5ad donor_1 donor_2 --n-cells 1000
    """
    with plain_messages(), limited_threads(threads):
        from scgde import tl
        from scgde.cli._files import check_output, read_fit, write_output
        from scgde.cli._sets import typed_set

        check_output(output, overwrite=overwrite)
        adata, key = read_fit(file, key)
        asked = [typed_set(adata, one, key) for one in sets or ()] or None
        cells = tl.generate(adata, asked, n_cells=n_cells, batch=batch, decode=decode, key=key, seed=seed)
        write_output(cells, output, f"{cells.n_obs:,} generated cells", overwrite=overwrite)
