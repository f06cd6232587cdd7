"""Matrices in a file whose rows are written in any order, each once, as AnnData reads them and without compression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self

import h5py
import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_VALUES_PER_READ = 2**23


class RowWriter(Protocol):
    """What takes rows."""

    def write(self, places: np.ndarray, block: Any) -> None:
        """Put each row of ``block``, dense or sparse, at its place."""


class DenseWriter:
    """A dense matrix: contiguous, so that it can be mapped."""

    def __init__(self, rows: np.ndarray) -> None:
        self._rows = rows

    @classmethod
    def allocate(cls, path: Path, name: str, shape: tuple[int, int], dtype: np.dtype) -> Self:
        """Make the matrix ``name`` in an h5ad file, its values still undefined."""
        with h5py.File(path, "r+") as file:
            place = _allocate(file, name, shape, dtype)
            file[name].attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
        return cls(_map(path, dtype, shape, place))

    def write(self, places: np.ndarray, block: Any) -> None:
        self._rows[places] = block.toarray() if sparse.issparse(block) else block


class SparseWriter:
    """A matrix compressed by row, each of its arrays contiguous."""

    def __init__(self, data: np.ndarray, indices: np.ndarray, indptr: np.ndarray) -> None:
        self._data, self._indices, self._indptr = data, indices, indptr

    @classmethod
    def allocate(cls, path: Path, name: str, shape: tuple[int, int], dtype: np.dtype, *, lengths: np.ndarray) -> Self:
        """Make the matrix ``name`` in an h5ad file for so many values in each row, still undefined."""
        indptr = np.concatenate([[0], np.cumsum(lengths)])
        dtypes = {"data": dtype, "indices": np.dtype(np.int32)}
        with h5py.File(path, "r+") as file:
            group = file.create_group(name)
            group.attrs.update({"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": shape})
            group["indptr"] = indptr
            places = {part: _allocate(group, part, (int(indptr[-1]),), dtypes[part]) for part in dtypes}
        data, indices = (_map(path, dtypes[part], (int(indptr[-1]),), places[part]) for part in dtypes)
        return cls(data, indices, indptr)

    def write(self, places: np.ndarray, block: Any) -> None:
        block = sparse.csr_matrix(block)
        shift = np.repeat(self._indptr[places] - block.indptr[:-1], np.diff(block.indptr))
        position = np.arange(len(block.data)) + shift
        self._data[position], self._indices[position] = block.data, block.indices


def row_blocks(x: Any) -> Iterator[tuple[int, Any]]:
    """Consecutive rows of a matrix, dense or sparse in memory, each with the row that they start at."""
    x = x.tocsr() if sparse.issparse(x) else x
    n_rows = max(1, _VALUES_PER_READ // max(x.shape[1], 1))
    for start in range(0, x.shape[0], n_rows):
        block = x[start : start + n_rows]
        yield start, block.compute() if hasattr(block, "compute") else block


def row_lengths(x: Any) -> np.ndarray:
    """Stored values of each row, shape ``(n_rows,)``."""
    return np.concatenate([np.diff(sparse.csr_matrix(block).indptr) for _, block in row_blocks(x)])


def _allocate(group: h5py.Group, name: str, shape: tuple[int, ...], dtype: np.dtype) -> int | None:
    """Place in the file of a new contiguous array, allocated at once and not filled; None for an empty one."""
    layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    layout.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    layout.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    return group.create_dataset(name, shape=shape, dtype=dtype, dcpl=layout).id.get_offset()


def _map(path: Path, dtype: np.dtype, shape: tuple[int, ...], place: int | None) -> np.ndarray:
    if place is None:
        return np.empty(shape, dtype=dtype)
    return np.memmap(path, mode="r+", dtype=dtype, shape=shape, offset=place)
