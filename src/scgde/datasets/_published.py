"""Published data, read from files: a path, the folder ``$SCGDE_DATA``, or the server ``$SCGDE_DATA_URL``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import anndata as ad
import pandas as pd

from scgde.datasets._download import ADDRESS, download

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDER = "SCGDE_DATA"


def read_published(name: str, file: str, path: str | Path | None, columns: Sequence[str], source: str) -> ad.AnnData:
    """Read a file of published cells, h5ad or a table of text that becomes ``obs``.

    Parameters
    ----------
    name
        Of the function that reads it, for messages.
    file
        Its name in a folder or on a server.
    path
        A file, or a folder that holds ``file``. None: the folder ``$SCGDE_DATA``, then the server ``$SCGDE_DATA_URL``.
    columns
        That ``obs`` must have.
    source
        Where the data are to be had.

    Raises
    ------
    FileNotFoundError
        If there is no such file; the message says where to get the data.
    ValueError
        If a column is missing.
    """
    local = _path_of(path, file)
    found = local if local is not None and local.is_file() else None
    if found is None and path is None:
        found = download(file)
    if found is None:
        where = f"${FOLDER} is not set" if local is None else f"there is no file {str(local)!r}"
        msg = (
            f"`datasets.{name}` reads {file!r}, but {where}. Pass `path`, set ${FOLDER} to its folder, "
            f"or set ${ADDRESS} to a server that has it. Else make it from {source}, with {list(columns)} in `obs`."
        )
        raise FileNotFoundError(msg)
    adata = ad.read_h5ad(found) if file.endswith(".h5ad") else _read_table(found)
    missing = [column for column in columns if column not in adata.obs]
    if missing:
        msg = f"{str(found)!r} must have {list(columns)} in `obs`, but {missing} are missing. It has {list(adata.obs)}."
        raise ValueError(msg)
    return adata


def _read_table(path: Path) -> ad.AnnData:
    """Rows of a table of comma-separated values as cells without ``X``."""
    table = pd.read_csv(path)
    return ad.AnnData(obs=table.set_index(table.index.astype(str)))


def _path_of(path: str | Path | None, file: str) -> Path | None:
    given = os.environ.get(FOLDER) if path is None else path
    if given is None:
        return None
    return Path(given) / file if Path(given).is_dir() or path is None else Path(given)
