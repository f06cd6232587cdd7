from __future__ import annotations

from typing import TYPE_CHECKING

import anndata as ad

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData


def read_cells(path: Path) -> AnnData:
    """Read an h5ad file into memory.

    Raises
    ------
    FileNotFoundError
        If it is not there.
    ValueError
        If it is no h5ad file.
    """
    if not path.is_file():
        msg = f"FILE must be an existing h5ad file, got {str(path)!r}."
        raise FileNotFoundError(msg)
    try:
        return ad.read_h5ad(path)
    except Exception as error:  # h5py and anndata raise many kinds
        msg = f"FILE must be an h5ad file, but {str(path)!r} cannot be read as one ({type(error).__name__})."
        raise ValueError(msg) from error


def write_cells(adata: AnnData, path: Path) -> None:
    """Write an h5ad file, complete or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        adata.write_h5ad(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def check_output(path: Path, *, overwrite: bool) -> None:
    """Require a file name that can be written, before any work is done.

    Raises
    ------
    FileNotFoundError
        If its folder is not there.
    FileExistsError
        If there is such a file and ``overwrite`` is False.
    """
    if path.suffix != ".h5ad":
        msg = f"`--output` must end in .h5ad, got {str(path)!r}."
        raise ValueError(msg)
    if not path.parent.is_dir():
        msg = f"`--output` must be in an existing folder, got {str(path)!r}."
        raise FileNotFoundError(msg)
    if path.exists() and not overwrite:
        msg = f"`--output` must be a new file, but {str(path)!r} exists. Pass `--overwrite` to replace it."
        raise FileExistsError(msg)
