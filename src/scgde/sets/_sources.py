"""Cells of several AnnData objects or h5ad files, one after the other; matrices stay where they are."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import anndata as ad
import h5py
from anndata.io import read_elem, sparse_dataset

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    import pandas as pd
    from anndata import AnnData


class CellSource(NamedTuple):
    """One AnnData: its tables in memory, and its matrices by the name that they have in a file.

    Attributes
    ----------
    obs, var
        Cells and variables.
    obsm
        Arrays ``(n_obs, ...)``.
    matrices
        ``"X"`` and ``"layers/..."``, each ``(n_obs, n_vars)``, dense or sparse, in memory, in a file or lazy.
    """

    obs: pd.DataFrame
    var: pd.DataFrame
    obsm: Mapping[str, Any]
    matrices: dict[str, Any]

    @classmethod
    def of_adata(cls, adata: AnnData) -> CellSource:
        """Of an object in memory, or backed."""
        layers = {f"layers/{name}": x for name, x in adata.layers.items() if name is not None}
        return cls(adata.obs, adata.var, adata.obsm, ({} if adata.X is None else {"X": adata.X}) | layers)

    @classmethod
    def of_file(cls, file: h5py.File) -> CellSource:
        """Of an open h5ad file."""
        names = ["X"] * ("X" in file) + [f"layers/{name}" for name in file.get("layers", ())]
        found = {name: _matrix(file[name]) for name in names}
        matrices = {name: x for name, x in found.items() if x is not None}
        return cls(read_elem(file["obs"]), read_elem(file["var"]), read_elem(file["obsm"]), matrices)


@contextmanager
def open_sources(given: AnnData | str | Path | Sequence[AnnData | str | Path]) -> Iterator[list[CellSource]]:
    """Sources of one AnnData or file, or of several, which hold the same variables; closed after the block.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TypeError
        If one is neither an AnnData nor a path.
    ValueError
        If there are none, or their variables differ.
    """
    many = [given] if isinstance(given, ad.AnnData | str | Path) else list(given)
    if not many:
        msg = "`adata` must hold at least one AnnData or path, got none."
        raise ValueError(msg)
    with ExitStack() as stack:
        sources = [_open(one, stack) for one in many]
        _check_same_variables(sources)
        yield sources


def shared_matrices(sources: Sequence[CellSource]) -> list[str]:
    """Names of the matrices that all sources have."""
    return [name for name in sources[0].matrices if all(name in source.matrices for source in sources)]


def join_tables(sources: Sequence[CellSource], order: np.ndarray) -> AnnData:
    """``obs``, ``var`` and the shared entries of ``obsm`` of all sources as one AnnData, cells in ``order``."""
    parts = [ad.AnnData(obs=source.obs, var=source.var[[]], obsm=dict(source.obsm)) for source in sources]
    joined = ad.concat(parts, join="inner") if len(parts) > 1 else parts[0]
    joined = joined[order].copy()
    joined.var = sources[0].var
    return joined


def _open(one: AnnData | str | Path, stack: ExitStack) -> CellSource:
    if isinstance(one, ad.AnnData):
        return CellSource.of_adata(one)
    if not isinstance(one, str | Path):
        msg = f"`adata` must be an AnnData, a path of an h5ad file, or a list of these, got {type(one).__name__}."
        raise TypeError(msg)
    if not Path(one).is_file():
        msg = f"`adata` must name h5ad files, but there is no file {str(one)!r}."
        raise FileNotFoundError(msg)
    return CellSource.of_file(stack.enter_context(h5py.File(one)))


def _matrix(entry: h5py.Dataset | h5py.Group) -> Any:
    """A matrix of a file, not read; None where there is none."""
    if isinstance(entry, h5py.Dataset):
        return entry if entry.shape else None
    return sparse_dataset(entry)


def _check_same_variables(sources: Sequence[CellSource]) -> None:
    names = sources[0].var.index
    for position, source in enumerate(sources):
        if not source.var.index.equals(names):
            msg = (
                f"All of `adata` must have the same variables in the same order, but number {position} differs from "
                "the first. Subset them with `adata[:, names]` first."
            )
            raise ValueError(msg)
