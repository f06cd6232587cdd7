"""Where the features of cells come from: memory, a sparse matrix, or a file on disk."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy import sparse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

#: Features up to this size are held densely on the training device.
MAX_RESIDENT_BYTES = 2 * 1024**3
_VALUES_PER_READ = 2**26


class CellStore(ABC):
    """Rows of a cell-by-feature matrix as float32 tensors."""

    n_features: int

    @abstractmethod
    def gather(self, rows: Tensor) -> Tensor:
        """Features of ``rows``, shape ``(...)`` to ``(..., G)``, on the device of ``rows``."""


class ResidentStore(CellStore):
    """A dense matrix that follows the rows to their device once."""

    def __init__(self, x: np.ndarray) -> None:
        self._x = torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32))
        self.n_features = x.shape[1]

    def gather(self, rows: Tensor) -> Tensor:
        if self._x.device != rows.device:
            self._x = self._x.to(rows.device)
        return self._x[rows]


class StreamedStore(CellStore):
    """A matrix too large to hold densely, or on disk: read per batch, each row once."""

    def __init__(self, x: Any) -> None:
        self._x = x
        self.n_features = x.shape[1]

    def gather(self, rows: Tensor) -> Tensor:
        unique, inverse = np.unique(rows.cpu().numpy(), return_inverse=True)
        dense = torch.from_numpy(_dense(self._x[unique]))
        return dense[torch.from_numpy(inverse.reshape(rows.shape))].to(rows.device)


def open_store(x: Any, *, max_bytes: int = MAX_RESIDENT_BYTES) -> CellStore:
    """Features of a dense, sparse or backed matrix: held densely where they fit in ``max_bytes``, else streamed."""
    n_rows, n_features = x.shape
    if n_rows * n_features * 4 <= max_bytes:
        return ResidentStore(np.concatenate([block for _, block in blocks(x)]))
    # Rows of a CSC matrix are slow to reach.
    return StreamedStore(sparse.csr_matrix(x) if sparse.issparse(x) else x)


def blocks(x: Any, *, n_rows: int | None = None) -> Iterator[tuple[int, np.ndarray]]:
    """Consecutive dense float32 blocks of a matrix (256 MB, or ``n_rows``), each with the row it starts at."""
    n_rows = n_rows or max(1, _VALUES_PER_READ // x.shape[1])
    x = sparse.csr_matrix(x) if sparse.issparse(x) else x
    for start in range(0, x.shape[0], n_rows):
        yield start, _dense(x[start : start + n_rows])


def _dense(x: Any) -> np.ndarray:
    return np.asarray(x.toarray() if sparse.issparse(x) else x, dtype=np.float32)
