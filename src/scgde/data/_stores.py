"""Cells on demand: from memory, a sparse matrix, or a file on disk."""

from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy import sparse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import DTypeLike
    from torch import Tensor

#: Features up to this size are held densely on the training device.
MAX_RESIDENT_BYTES = 2 * 1024**3
_VALUES_PER_READ = 2**26


class CellStore(ABC):
    """Cells as tensors, by row.

    Attributes
    ----------
    shape
        Of one cell, ``(G,)`` for a vector.
    """

    shape: tuple[int, ...]

    @abstractmethod
    def gather(self, rows: Tensor) -> Tensor:
        """Cells of ``rows``, shape ``(...)`` to ``(..., *shape)``, on the device of ``rows``."""

    def rows(self, rows: np.ndarray) -> np.ndarray:
        """Cells of ``rows``, which may repeat, as an array of shape ``(n, *shape)``."""
        return self.gather(torch.from_numpy(rows)).numpy()


class ResidentStore(CellStore):
    """A dense array that follows the rows to their device once. One of the right type is not copied."""

    def __init__(self, x: np.ndarray, dtype: DTypeLike = np.float32) -> None:
        with warnings.catch_warnings():
            # Cells are only read.
            warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
            self._x = torch.from_numpy(np.ascontiguousarray(x, dtype=dtype))
        self.shape = x.shape[1:]

    def gather(self, rows: Tensor) -> Tensor:
        if self._x.device != rows.device:
            self._x = self._x.to(rows.device)
        return self._x[rows]


class StreamedStore(CellStore):
    """An array that is too large to hold densely, on disk, or of which few rows are needed."""

    def __init__(self, x: Any, dtype: DTypeLike = np.float32) -> None:
        self._dtype = dtype
        # Rows of a CSC matrix are slow to reach.
        self._x = sparse.csr_matrix(x) if sparse.issparse(x) else x
        self.shape = x.shape[1:]

    def gather(self, rows: Tensor) -> Tensor:
        unique, inverse = np.unique(rows.cpu().numpy(), return_inverse=True)  # files are read in order
        dense = torch.from_numpy(_dense(self._x[unique], self._dtype))
        return dense[torch.from_numpy(inverse.reshape(rows.shape))].to(rows.device)


def open_store(
    x: Any, *, dtype: DTypeLike = np.float32, all_rows: bool = True, max_bytes: int = MAX_RESIDENT_BYTES
) -> CellStore:
    """Store of a dense, sparse or backed array.

    Parameters
    ----------
    x
        One cell a row, shape ``(n_obs, ...)``.
    dtype
        Type of the values of a cell, as networks take them.
    all_rows
        Whether most rows will be read, so that they are worth holding densely; arrays in memory are in any case.
    max_bytes
        Held densely up to this size.
    """
    if isinstance(x, np.ndarray) and x.dtype == dtype:
        return ResidentStore(x, dtype)
    if all_rows and math.prod(x.shape) * np.dtype(dtype).itemsize <= max_bytes:
        return ResidentStore(np.concatenate([block for _, block in blocks(x, dtype=dtype)]), dtype)
    return StreamedStore(x, dtype)


def blocks(x: Any, *, n_rows: int | None = None, dtype: DTypeLike = np.float32) -> Iterator[tuple[int, np.ndarray]]:
    """Consecutive dense blocks of an array (256 MB as float32, or ``n_rows``), each with the row it starts at."""
    n_rows = n_rows or max(1, _VALUES_PER_READ // max(math.prod(x.shape[1:]), 1))
    x = sparse.csr_matrix(x) if sparse.issparse(x) else x
    for start in range(0, x.shape[0], n_rows):
        yield start, _dense(x[start : start + n_rows], dtype)


def _dense(x: Any, dtype: DTypeLike) -> np.ndarray:
    return np.asarray(x.toarray() if sparse.issparse(x) else x, dtype=dtype)
