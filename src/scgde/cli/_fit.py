from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from scgde import tl
from scgde.cli._console import say
from scgde.cli._files import check_output, read_cells, write_fit

if TYPE_CHECKING:
    from pathlib import Path


#: Options that transports do not have.
OF_GENERATORS = ("generator", "label_key", "batch_key")


def run_fit(file: Path, groupby: list[str], output: Path, options: dict[str, Any], *, overwrite: bool) -> None:
    """Fit the cells of ``file`` and write them, with the fit, to ``output``."""
    check_output(output, overwrite=overwrite)
    _check_options(options)
    adata = read_cells(file)
    require_groupby(groupby, list(adata.obs))
    start = time.monotonic()
    fit, default = (tl.fit_tde, "tde") if "time_key" in options else (tl.fit_gde, "gde")
    key = options.setdefault("key_added", default)
    fit(adata, as_groupby(groupby), progress_bar=sys.stderr.isatty(), **options)
    write_fit(adata, output, key, overwrite=overwrite)
    n_sets, n_latent = adata.uns[key]["embedding"].shape
    n_cells = int(adata.obs[f"{key}_set"].notna().sum())
    seconds = time.monotonic() - start
    say(
        f"Fitted {n_sets:,} sets of {n_cells:,} cells in {n_latent} dimensions, in {seconds:.0f} s.\n"
        f"Wrote {output}: embeddings in `obsm['X_{key}']` and `uns['{key}']`, with the model."
    )


def _check_options(options: dict[str, Any]) -> None:
    """Require options that go together.

    Raises
    ------
    ValueError
        If one of generative embeddings comes with one of transports.
    """
    others = [f"`--{name.replace('_', '-')}`" for name in OF_GENERATORS if name in options]
    if "time_key" in options and others:
        msg = f"`--time-key` fits transports, which do not take {', '.join(others)}. Leave out one or the other."
        raise ValueError(msg)


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
