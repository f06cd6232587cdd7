"""Values and rows that stay in their file until they are asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse


class MappedValues:
    """Values of a one-dimensional array in a file, by position; its chunks lie anywhere.

    Parameters
    ----------
    values
        The whole file, as values.
    start
        Of each chunk in `values`, shape ``(n_chunks,)``.
    length
        Of a chunk.
    """

    def __init__(self, values: np.ndarray, start: np.ndarray, length: int) -> None:
        self._values, self._start, self._length, self.dtype = values, start, length, values.dtype

    def __getitem__(self, position: np.ndarray) -> np.ndarray:
        chunk, within = np.divmod(position, self._length)
        return self._values[self._start[chunk] + within]


@dataclass(frozen=True)
class MappedRows:
    """A matrix compressed by row whose values stay where they are; a row costs what it holds.

    Attributes
    ----------
    data, indices
        Values and their columns, shape ``(nnz,)``.
    indptr
        Where each row starts, shape ``(n_obs + 1,)``, in memory.
    shape
        Of the matrix.
    """

    data: MappedValues | np.ndarray
    indices: MappedValues | np.ndarray
    indptr: np.ndarray
    shape: tuple[int, int]

    @property
    def dtype(self) -> np.dtype:
        """Of the values."""
        return self.data.dtype

    def __getitem__(self, rows: np.ndarray | slice) -> sparse.csr_matrix:
        """Rows as a matrix in memory."""
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(self.shape[0]))
        start, length = self.indptr[rows], self.indptr[rows + 1] - self.indptr[rows]
        indptr = np.concatenate([[0], np.cumsum(length)])
        # Of one row after the other, in the file.
        position = np.arange(indptr[-1]) + np.repeat(start - indptr[:-1], length)
        shape = (len(rows), self.shape[1])
        return sparse.csr_matrix((self.data[position], self.indices[position], indptr), shape=shape)
