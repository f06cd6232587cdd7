"""Arrays of any kind in consecutive dense parts, so that none is dense as a whole."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from scgde.data.stores._mapping import map_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import DTypeLike

_VALUES_PER_READ = 2**23


def blocks(x: Any, *, n_rows: int | None = None, dtype: DTypeLike = np.float32) -> Iterator[tuple[int, np.ndarray]]:
    """Consecutive dense blocks of an array (32 MB as float32, or ``n_rows``), each with the row it starts at."""
    n_rows = n_rows or max(1, _VALUES_PER_READ // max(math.prod(x.shape[1:]), 1))
    x = by_row(map_file(x))
    for start in range(0, x.shape[0], n_rows):
        yield start, as_dense(x[start : start + n_rows], dtype)


def sparse_blocks(x: Any, *, n_rows: int = 10_000) -> Iterator[tuple[int, sparse.csr_matrix]]:
    """Consecutive sparse blocks of an array, each with the row it starts at; a sparse one is never made dense."""
    x = by_row(map_file(x))
    for start in range(0, x.shape[0], n_rows):
        yield start, sparse.csr_matrix(x[start : start + n_rows], dtype=np.float32)


def by_row(x: Any) -> Any:
    """A sparse matrix compressed by row: rows of a CSC matrix, also of one on disk, are slow to reach. Others as is."""
    if getattr(x, "format", None) == "csc" and hasattr(x, "to_memory"):
        x = x.to_memory()
    return x.tocsr() if sparse.issparse(x) else x


def as_dense(x: Any, dtype: DTypeLike) -> np.ndarray:
    """Rows of an array, dense, sparse or lazy, as an array in memory."""
    x = x.compute() if hasattr(x, "compute") else x
    return np.asarray(x.toarray() if sparse.issparse(x) else x, dtype=dtype)
