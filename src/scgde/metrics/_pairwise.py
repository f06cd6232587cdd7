from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial.distance import cdist

if TYPE_CHECKING:
    from scgde._types import Measure

#: Function of an array of Euclidean distances, applied element by element; may overwrite its argument.
Kernel = Callable[[np.ndarray], np.ndarray]
#: Largest block of distances held at a time, in entries: under 64 MB, a kernel's two copies included.
MAX_ENTRIES = 2_000_000


def mean_between(x: Measure, y: Measure, kernel: Kernel) -> float:
    """Weighted mean of ``kernel(|x - y|)``, in bounded memory."""
    total = 0.0
    for rows in _blocks(len(x.x), len(y.x)):
        total += x.weights[rows] @ kernel(cdist(x.x[rows], y.x)) @ y.weights
    return float(total)


def mean_within(x: Measure, kernel: Kernel, *, unbiased: bool) -> float:
    """Weighted mean of ``kernel(|x - x'|)``, over all pairs or over pairs of different cells."""
    total = 0.0
    for rows in _blocks(len(x.x), len(x.x)):
        # The kernel is symmetric: what lies right of the diagonal block counts twice.
        partners = x.weights[rows.start :].copy()
        partners[rows.stop - rows.start :] *= 2
        total += x.weights[rows] @ kernel(cdist(x.x[rows], x.x[rows.start :])) @ partners
    return float(_without_diagonal(total, x.weights, kernel) if unbiased else total)


def _without_diagonal(total: float, weights: np.ndarray, kernel: Kernel) -> float:
    """E[sum over i != j of w_i w_j k_ij] = (1 - sum w_i^2) E[k], whatever the weights."""
    if len(weights) < 2:
        msg = (
            "`unbiased=True` needs at least two cells of positive weight in `x` and in `y`, got 1. "
            "Pass `unbiased=False`."
        )
        raise ValueError(msg)
    diagonal = float(weights @ weights)
    return (total - diagonal * float(kernel(np.zeros(1))[0])) / (1 - diagonal)


def _blocks(n_rows: int, n_columns: int) -> Iterator[slice]:
    step = max(1, MAX_ENTRIES // n_columns)
    for start in range(0, n_rows, step):
        yield slice(start, min(start + step, n_rows))
