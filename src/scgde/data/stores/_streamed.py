from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from scgde.data.stores._base import CellStore
from scgde.data.stores._blocks import as_dense
from scgde.data.stores._hdf5_rows import hdf5_rows

if TYPE_CHECKING:
    from numpy.typing import DTypeLike


class StreamedStore(CellStore):
    """Any other array that can be indexed by rows: compressed HDF5, zarr, dask.

    Parameters
    ----------
    x
        One cell a row, shape ``(n_obs, *shape)``.
    dtype
        Type of the values of a cell, as networks take them.
    """

    slow = (
        "random rows of an array that is compressed, lazy or open for writing come in whole chunks; "
        "`scgde.pp.write_sets` writes a file without compression, to be read with `backed='r'`"
    )

    def __init__(self, x: Any, dtype: DTypeLike = np.float32) -> None:
        super().__init__(x.shape[1:], dtype)
        self._x = x

    def rows(self, rows: np.ndarray) -> np.ndarray:
        unique, inverse = np.unique(rows, return_inverse=True)  # files are read in order
        if not len(unique):
            return np.zeros((0, *self.shape), dtype=self.dtype)
        x = self._x
        cells = hdf5_rows(x, unique) if isinstance(x, h5py.Dataset) else x[unique]
        return as_dense(cells, self.dtype)[inverse]
