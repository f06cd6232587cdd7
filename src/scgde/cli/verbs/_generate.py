from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scgde.cli._console import plain_messages
from scgde.cli._options import Decode, FittedFile, Key, NCells, Output, Overwrite, Seed, Threads
from scgde.cli._threads import limited_threads


def generate(
    file: FittedFile,
    sets: Annotated[list[str] | None, typer.Argument(help="Names of sets. [default: all]", show_default=False)] = None,
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

    Example: scgde generate fitted.h5ad donor_1 donor_2 --n-cells 1000
    """
    with plain_messages(), limited_threads(threads):
        from scgde import tl
        from scgde.cli._files import check_output, read_fit, write_output

        check_output(output, overwrite=overwrite)
        adata, key = read_fit(file, key)
        cells = tl.generate(adata, sets or None, n_cells=n_cells, batch=batch, decode=decode, key=key, seed=seed)
        write_output(cells, output, f"{cells.n_obs:,} generated cells", overwrite=overwrite)
