from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from scgde.data.stores._blocks import blocks, by_row
from scgde.data.stores._dense import DenseStore
from scgde.data.stores._mapped import MappedRows
from scgde.data.stores._mapping import map_file
from scgde.data.stores._sparse import SparseStore
from scgde.data.stores._streamed import StreamedStore

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from scgde.data.stores._base import CellStore

#: An array that has to be converted to be fast is copied up to this size, and streamed above it.
MAX_COPY_BYTES = 2**29


def open_store(
    x: Any, *, dtype: DTypeLike = np.float32, all_rows: bool = True, max_bytes: int | None = None
) -> CellStore:
    """Store of a dense, sparse, backed or lazy array; the same cells from each.

    ==============================================  =======================================================
    array                                           store
    ==============================================  =======================================================
    of the right type and order, in memory or       the array itself, mapped from its file
    contiguous in an h5ad or npy file
    any other                                       a dense copy, up to ``max_bytes``
    larger: dense                                   the array itself, cells converted batch by batch
    larger: compressed by row, in memory or in an   the matrix itself, cells made dense batch by batch
    h5ad file without compression
    larger: anything else                           read batch by batch, slowly; see :attr:`CellStore.slow`
    ==============================================  =======================================================

    Parameters
    ----------
    x
        One cell a row, shape ``(n_obs, ...)``.
    dtype
        Type of the values of a cell, as networks take them.
    all_rows
        Whether most rows will be read, so that a copy is worth it.
    max_bytes
        Size of the largest copy; by default 0.5 GB.
    """
    max_bytes = MAX_COPY_BYTES if max_bytes is None else max_bytes
    x = map_file(x)
    is_ready = isinstance(x, np.ndarray) and x.dtype == dtype and x.flags.c_contiguous
    if all_rows and not is_ready and math.prod(x.shape) * np.dtype(dtype).itemsize <= max_bytes:
        return DenseStore(_copy(x, dtype), dtype)
    if isinstance(x, np.ndarray):
        return DenseStore(x, dtype)
    if sparse.issparse(x):
        # Rows of scipy's convert all indices where these and ``indptr`` are of different types, as in large files.
        x = by_row(x)
        x = MappedRows(x.data, x.indices, x.indptr, x.shape)
    if isinstance(x, MappedRows):
        return SparseStore(x, dtype)
    return StreamedStore(x, dtype)


def _copy(x: Any, dtype: DTypeLike) -> np.ndarray:
    copy = np.empty(x.shape, dtype=dtype)
    for start, block in blocks(x, dtype=dtype):
        copy[start : start + len(block)] = block
    return copy
