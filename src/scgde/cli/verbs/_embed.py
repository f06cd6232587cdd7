from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scgde.cli._console import plain_messages
from scgde.cli._options import File, GroupBy, KeyAdded, Mask, MinCells, Output, Overwrite, Threads
from scgde.cli._threads import limited_threads


def embed(
    file: File,
    reference: Annotated[
        Path, typer.Argument(help="A fitted h5ad file, or the folder of a saved model.", show_default=False)
    ],
    groupby: GroupBy = None,
    output: Output = Path("embedded.h5ad"),
    mask: Mask = None,
    min_cells: MinCells = 1,
    key: Annotated[str | None, typer.Option(help="Name of the fit in REFERENCE. [default: the only one]")] = None,
    key_added: KeyAdded = None,
    threads: Threads = None,
    overwrite: Overwrite = False,
) -> None:
    """Embed the sets of FILE with a model that was fitted before.

    Without --groupby, sets are those of the columns of the fit.

    Example: scgde embed new.h5ad fitted.h5ad --output embedded.h5ad
    """
    with plain_messages(), limited_threads(threads):
        from scgde import tl
        from scgde.cli._files import check_output, read_cells, read_reference, write_output
        from scgde.cli._fit import as_groupby

        check_output(output, overwrite=overwrite)
        fitted, key = read_reference(reference, key)
        adata = read_cells(file)
        columns = as_groupby(groupby) if groupby else None
        tl.embed(adata, fitted, groupby=columns, mask=mask, min_cells=min_cells, key=key, key_added=key_added)
        write_output(
            adata, output, f"embeddings of {len(adata.uns[key_added or key]['sets']):,} sets", overwrite=overwrite
        )
