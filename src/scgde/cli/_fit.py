from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from scgde import tl
from scgde.cli._console import say
from scgde.cli._files import check_output, read_cells, write_fit

if TYPE_CHECKING:
    from pathlib import Path


def run_fit(file: Path, groupby: list[str], output: Path, options: dict[str, Any], *, overwrite: bool) -> None:
    """Fit the cells of ``file`` and write them, with the fit, to ``output``."""
    check_output(output, overwrite=overwrite)
    adata = read_cells(file)
    require_groupby(groupby, list(adata.obs))
    start = time.monotonic()
    tl.fit_gde(adata, as_groupby(groupby), progress_bar=sys.stderr.isatty(), **options)
    key = options["key_added"]
    write_fit(adata, output, key, overwrite=overwrite)
    n_sets, n_latent = adata.uns[key]["embedding"].shape
    n_cells = int(adata.obs[f"{key}_set"].notna().sum())
    seconds = time.monotonic() - start
    say(
        f"Fitted {n_sets:,} sets of {n_cells:,} cells in {n_latent} dimensions, in {seconds:.0f} s.\n"
        f"Wrote {output}: embeddings in `obsm['X_{key}']` and `uns['{key}']`, with the model."
    )


def require_groupby(groupby: list[str], columns: list[str]) -> None:
    """Require a column of sets.

    Raises
    ------
    ValueError
        If there is none.
    """
    if not groupby:
        msg = f"`--groupby` must name a column of `obs` with the sets of FILE. Columns: {columns}."
        raise ValueError(msg)


def as_groupby(columns: list[str]) -> str | list[str]:
    """One column as its name, several as a list."""
    return columns[0] if len(columns) == 1 else columns
