from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from anndata.abc import CSCDataset, CSRDataset
from scipy import sparse

from scgde._checks import check_seed
from scgde._hints import checked_keywords
from scgde.sets._grouping import group_cells
from scgde.sets._row_writer import DenseWriter, SparseWriter, row_blocks, row_lengths
from scgde.sets._sources import join_tables, open_sources, shared_matrices

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from anndata import AnnData

    from scgde._types import GroupBy
    from scgde.sets._row_writer import RowWriter
    from scgde.sets._sources import CellSource


@checked_keywords
def write_sets(
    adata: AnnData | str | Path | Sequence[AnnData | str | Path],
    path: str | Path,
    groupby: GroupBy,
    *,
    overwrite: bool = False,
    seed: int = 0,
) -> None:
    """Write cells to one h5ad file in the order of their sets, for fits that read from disk.

    The cells of a set are next to each other, in random order, and matrices are not compressed: opened with
    ``anndata.read_h5ad(path, backed="r")``, random cells of ``X`` are then read at the speed of memory, dense or
    sparse. No matrix is held in memory.

    Parameters
    ----------
    adata
        Cells: an AnnData, in memory or backed, the path of an h5ad file, or several of these with the same variables.
    path
        The new file, which ends with ``.h5ad``.
    groupby
        Column or columns of ``obs`` that name the set of each cell. Cells with a missing value come last.
    overwrite
        Whether to replace a file that is there.
    seed
        Random seed of the order within sets.

    Returns
    -------
    None. Writes ``X``, layers, ``obs`` and ``obsm``, as far as all of ``adata`` have them, and ``var`` of the first.

    Raises
    ------
    FileExistsError
        If there is such a file, and ``overwrite`` is False.
    FileNotFoundError
        If a file of ``adata`` is missing.
    KeyError
        If a column is missing.
    TypeError
        If one of ``adata`` is neither an AnnData nor a path.
    ValueError
        If ``path`` does not end with ``.h5ad``, or variables differ.

    Examples
    --------
    >>> import scanpy as sc
    >>> import scgde
    >>> adata = scgde.datasets.cohort(6, seed=0)
    >>> scgde.pp.write_sets([adata], "donors.h5ad", "donor")
    >>> on_disk = sc.read_h5ad("donors.h5ad", backed="r")
    """
    path, rng = _check_path(path, overwrite=overwrite), check_seed(seed)
    with open_sources(adata) as sources:
        order = _order(pd.concat([source.obs for source in sources], ignore_index=True), groupby, rng)
        partial = path.with_name(f"{path.name}.partial")
        try:
            join_tables(sources, order).write_h5ad(partial)
            for name in shared_matrices(sources):
                _write_matrix(partial, name, sources, order)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


def _check_path(path: str | Path, *, overwrite: bool) -> Path:
    path = Path(path)
    if path.suffix != ".h5ad":
        msg = f"`path` must end with '.h5ad', got {str(path)!r}."
        raise ValueError(msg)
    if path.exists() and not overwrite:
        msg = f"`path` must be a new file, but {str(path)!r} is there. Pass `overwrite=True` to replace it."
        raise FileExistsError(msg)
    return path


def _order(obs: pd.DataFrame, groupby: GroupBy, rng: np.random.Generator) -> np.ndarray:
    """Cells by set, in random order within each; those without a set last."""
    codes = group_cells(obs, groupby, min_cells=1).codes
    shuffled = rng.permutation(len(codes))
    last = codes.max() + 1
    return shuffled[np.argsort(np.where(codes < 0, last, codes)[shuffled], kind="stable")]


def _write_matrix(path: Path, name: str, sources: Sequence[CellSource], order: np.ndarray) -> None:
    parts = [source.matrices[name] for source in sources]
    places = np.empty(len(order), dtype=np.int64)
    places[order] = np.arange(len(order))
    writer, start = _writer(path, name, parts, order), 0
    for part in parts:
        for first, block in row_blocks(part):
            writer.write(places[start + first : start + first + block.shape[0]], block)
        start += part.shape[0]


def _writer(path: Path, name: str, parts: Sequence[Any], order: np.ndarray) -> RowWriter:
    shape, dtype = (len(order), parts[0].shape[1]), np.result_type(*(part.dtype for part in parts))
    if not _is_sparse(parts[0]):
        return DenseWriter.allocate(path, name, shape, dtype)
    lengths = np.concatenate([row_lengths(part) for part in parts])
    return SparseWriter.allocate(path, name, shape, dtype, lengths=lengths[order])


def _is_sparse(x: Any) -> bool:
    """Also of a lazy array, by what its chunks are."""
    return sparse.issparse(x) or isinstance(x, CSRDataset | CSCDataset) or sparse.issparse(getattr(x, "_meta", None))
