from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scgde.data.stores._base import CellStore

if TYPE_CHECKING:
    from numpy.typing import DTypeLike
    from scipy import sparse

    from scgde.data.stores._mapped import MappedRows


class SparseStore(CellStore):
    """A sparse matrix in memory, or mapped from a file: what is dense are the cells of one batch.

    Parameters
    ----------
    x
        Compressed by row, shape ``(n_obs, G)``.
    dtype
        Type of the values of a cell, as networks take them.
    """

    def __init__(self, x: sparse.csr_matrix | sparse.csr_array | MappedRows, dtype: DTypeLike = np.float32) -> None:
        super().__init__(x.shape[1:], dtype)
        self._x = x

    def rows(self, rows: np.ndarray) -> np.ndarray:
        return np.asarray(self._x[rows].astype(self.dtype, copy=False).toarray())
