from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.linalg import block_diag
from scipy.spatial.distance import cdist

from scgde.metrics._all_pairs import AllPairs
from scgde.metrics._measure import as_measure

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


class _Within(NamedTuple):
    """Cells of a set, and the mean of the kernel within it."""

    cells: Measure
    mean: float


class KernelPairs(AllPairs[_Within]):
    """``sign (2 E k(x, y) - E k(x, x') - E k(y, y'))`` for all pairs of sets.

    Parameters
    ----------
    kernel
        Function of the distance.
    sign
        1 or -1.
    unbiased
        Whether a cell is left out of its own mean.
    """

    def __init__(self, kernel: Kernel, *, sign: int, unbiased: bool) -> None:
        self._kernel, self._sign, self._unbiased = kernel, sign, unbiased

    def of_set(self, x: np.ndarray) -> _Within:
        cells = as_measure(x)
        return _Within(cells, mean_within(cells, self._kernel, unbiased=self._unbiased))

    def block(self, a: Sequence[_Within], b: Sequence[_Within]) -> np.ndarray:
        within = np.add.outer([term.mean for term in a], [term.mean for term in b])
        return self._sign * (2 * self._between([term.cells for term in a], [term.cells for term in b]) - within)

    def _between(self, a: Sequence[Measure], b: Sequence[Measure]) -> np.ndarray:
        """Mean of the kernel between any two, from one matrix of distances of all their cells, in bounded memory."""
        (x, of_x), (y, of_y) = _joined(a), _joined(b)
        means = np.zeros((len(a), len(b)))
        for rows in _blocks(len(x), len(y)):
            means += of_x[:, rows] @ (self._kernel(cdist(x[rows], y)) @ of_y.T)
        return means


def _joined(measures: Sequence[Measure]) -> tuple[np.ndarray, np.ndarray]:
    """Cells of several sets ``(N, G)``, and the weight of each in its own set, 0 in the others, shape ``(S, N)``."""
    weights = block_diag(*(measure.weights for measure in measures))
    return np.concatenate([measure.x for measure in measures]), weights


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
