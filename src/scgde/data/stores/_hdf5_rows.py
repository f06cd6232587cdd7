from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import h5py

#: Bytes that are read at once from an array that is not in chunks.
_BYTES_AT_ONCE = 2**16


def hdf5_rows(x: h5py.Dataset, rows: np.ndarray) -> np.ndarray:
    """Rows of an HDF5 array, chunk by chunk: h5py takes up to a millisecond for each row of a selection.

    Parameters
    ----------
    x
        One cell a row, shape ``(n_obs, *shape)``.
    rows
        Increasing, shape ``(n,)``.

    Returns
    -------
    Shape ``(n, *shape)``.
    """
    cells = np.empty((len(rows), *x.shape[1:]), dtype=x.dtype)
    starts = np.flatnonzero(np.diff(rows // _rows_at_once(x), prepend=-1))
    for start, end in zip(starts, [*starts[1:], len(rows)], strict=True):
        wanted = rows[start:end]
        # From the first to the last one: a chunk is read as a whole for one row, too.
        cells[start:end] = x[wanted[0] : wanted[-1] + 1][wanted - wanted[0]]
    return cells


def _rows_at_once(x: h5py.Dataset) -> int:
    return x.chunks[0] if x.chunks else max(1, _BYTES_AT_ONCE // max(x.dtype.itemsize * int(np.prod(x.shape[1:])), 1))
