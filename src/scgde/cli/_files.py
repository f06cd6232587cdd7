from __future__ import annotations

import tempfile
import uuid
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anndata as ad

from scgde import _keys
from scgde._files import check_writable, replacing
from scgde.cli._console import say
from scgde.cli._fits import fit_key
from scgde.cli._process import in_own_process

if TYPE_CHECKING:
    import pandas as pd
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
    return _read(path)


def _read(path: Path, **options: Any) -> AnnData:
    if not path.is_file():
        msg = f"FILE must be an existing h5ad file, got {str(path)!r}."
        raise FileNotFoundError(msg)
    try:
        return ad.read_h5ad(path, **options)
    except Exception as error:  # h5py and anndata raise many kinds
        msg = f"FILE must be an h5ad file, but {str(path)!r} cannot be read as one ({type(error).__name__})."
        raise ValueError(msg) from error


def write_cells(adata: AnnData, path: Path, *, overwrite: bool = True) -> None:
    """Write an h5ad file, complete or not at all."""
    with replacing(path, overwrite=overwrite) as unfinished:
        in_own_process(partial(adata.write_h5ad, unfinished))


def write_fit(adata: AnnData, path: Path, key: str, *, overwrite: bool = True) -> None:
    """Write cells with their fit or, where that fails, keep the fit in another folder.

    Without ``overwrite`` a file that another process wrote since the fit began stays.

    Raises
    ------
    OSError
        If ``path`` could not be written; the message says where the fit is instead.
    """
    try:
        write_cells(adata, path, overwrite=overwrite)
    except Exception as error:  # h5py and anndata raise many kinds
        kept = _keep_elsewhere(adata, path, key)
        where = f"The fit is in {str(kept)!r} instead" if kept else "Nor could the fit be kept in any other folder"
        reason = str(error).partition("\n")[0]
        msg = f"`--output` could not be written to {str(path)!r} ({reason}). {where}."
        raise OSError(msg) from error


def _keep_elsewhere(adata: AnnData, path: Path, key: str) -> Path | None:
    """Where the cells, or if these do not fit anywhere the fit alone, were written; None if nowhere."""
    name = f"{path.stem}-{uuid.uuid4().hex[:8]}.h5ad"
    folders = [Path(tempfile.gettempdir()), Path.cwd(), Path.home()]
    for content in (adata, _fit_alone(adata, key)):
        for folder in folders:
            with suppress(Exception):
                write_cells(content, folder / name)
                return folder / name
    return None


def _fit_alone(adata: AnnData, key: str) -> AnnData:
    """The fit with ``obs``, without the features of the cells."""
    name = _keys.cell_embedding(key)
    return ad.AnnData(obs=adata.obs, obsm={name: adata.obsm[name]}, uns={key: adata.uns[key]})


def read_header(path: Path) -> AnnData:
    """Read all of an h5ad file but ``X``."""
    return _read(path, backed="r")


def read_fit(path: Path, key: str | None) -> tuple[AnnData, str]:
    """Read a fitted file, and the name of its fit."""
    adata = read_cells(path)
    return adata, fit_key(adata, key)


def read_reference(path: Path, key: str | None) -> tuple[AnnData | Path, str]:
    """A fitted file or, of a saved model, its folder; and the name of the fit."""
    return (path, key or "gde") if path.is_dir() else read_fit(path, key)


def write_output(adata: AnnData, path: Path, what: str, *, overwrite: bool) -> None:
    """Write results, and say so."""
    write_cells(adata, path, overwrite=overwrite)
    say(f"Wrote {path}: {what}.")


def write_text(text: str, path: Path, *, overwrite: bool) -> None:
    """Write a text file, complete or not at all."""
    with replacing(path, overwrite=overwrite) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def write_table(table: pd.DataFrame, path: Path | None, *, overwrite: bool) -> None:
    """Write a csv file, if one is asked for, and say so."""
    if path is not None:
        write_text(table.to_csv(index=False), path, overwrite=overwrite)
        say(f"Wrote {path}: {len(table):,} rows.")


def check_table(path: Path | None, *, overwrite: bool) -> None:
    """As :func:`check_output`, of a csv file, if one is asked for."""
    if path is not None:
        check_output(path, overwrite=overwrite, suffix=".csv")


def check_output(path: Path, *, overwrite: bool, suffix: str = ".h5ad") -> None:
    """Require a file name that can be written, before any work is done.

    Raises
    ------
    FileNotFoundError
        If its folder is not there.
    FileExistsError
        If there is such a file and ``overwrite`` is False.
    OSError
        If it is a folder, or its folder takes no files.
    """
    if path.suffix != suffix:
        msg = f"`--output` must end in {suffix}, got {str(path)!r}."
        raise ValueError(msg)
    if not path.parent.is_dir():
        msg = f"`--output` must be in an existing folder, got {str(path)!r}."
        raise FileNotFoundError(msg)
    check_writable(path, "--output")
    if path.exists() and not overwrite:
        msg = f"`--output` must be a new file, but {str(path)!r} exists. Pass `--overwrite` to replace it."
        raise FileExistsError(msg)
