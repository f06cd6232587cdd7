from __future__ import annotations

import warnings
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

from scgde._checks import check_count, check_positive
from scgde.metrics._all_pairs import AllPairs, EachPair
from scgde.metrics._measure import as_measure, as_measures
from scgde.metrics._pairwise import mean_between
from scgde.metrics._pooled import mean_squared_distance
from scgde.metrics._registry import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import ArrayLike

    from scgde._types import Measure

#: Blur as a share of the mean squared distance.
_SHARE = 0.05


def _shared_regularization(pooled: np.ndarray) -> dict[str, float]:
    return {"regularization": _SHARE * mean_squared_distance(pooled) or 1.0}


class _Own(NamedTuple):
    """Cells of a set, the cost of their transport to themselves, and whether it settled."""

    cells: Measure
    cost: float
    settled: bool


class _SinkhornPairs(AllPairs[_Own]):
    """The divergence of all pairs of sets at one ``regularization``."""

    def __init__(self, *, regularization: float, max_iterations: int = 2000, tolerance: float = 1e-3) -> None:
        self._options: dict[str, Any] = {"max_iterations": max_iterations, "tolerance": tolerance}
        self._strength = regularization

    def of_set(self, x: np.ndarray) -> _Own:
        cells = as_measure(x)
        return _Own(cells, *self._solve(cells, cells))

    def block(self, a: Sequence[_Own], b: Sequence[_Own]) -> np.ndarray:
        return EachPair(self._divergence).block(a, b)

    def triangle(self, a: Sequence[_Own]) -> np.ndarray:
        return EachPair(self._divergence).triangle(a)

    def _divergence(self, x: _Own, y: _Own) -> float:
        cost, settled = self._solve(x.cells, y.cells)
        _warn_unless(settled=settled and x.settled and y.settled, **self._options)
        return cost - (x.cost + y.cost) / 2

    def _solve(self, x: Measure, y: Measure) -> tuple[float, bool]:
        return _entropic_cost(x, y, strength=self._strength, **self._options)


@METRICS.register(
    "sinkhorn",
    label="Sinkhorn divergence",
    is_squared=True,
    shared=_shared_regularization,
    all_pairs=_SinkhornPairs,
)
def sinkhorn_divergence(
    x: ArrayLike,
    y: ArrayLike,
    *,
    regularization: float | None = None,
    x_weights: ArrayLike | None = None,
    y_weights: ArrayLike | None = None,
    max_iterations: int = 2000,
    tolerance: float = 1e-3,
) -> float:
    """Debiased Sinkhorn divergence ``OT(x, y) - OT(x, x) / 2 - OT(y, y) / 2``.

    ``OT`` is entropic transport, ``min E|x - y|^2 + regularization KL(plan | product)``: squared Euclidean
    cost, not halved, entropy included. In squared units of the features, not rooted: it tends to the squared
    W2 as `regularization` tends to 0, and to the squared difference of the means as it grows. Never negative
    beyond rounding.

    Parameters
    ----------
    x, y
        Cells, shapes ``(n, G)`` and ``(m, G)``.
    regularization
        Strength of the entropy, in squared units of the features; its root is the length below which detail
        is blurred. None: a twentieth of the mean squared distance between `x` and `y`; pass a number where
        values of several pairs are to be compared.
    x_weights, y_weights
        Weight of each cell, shapes ``(n,)`` and ``(m,)``, of any positive sum; equal by default.
    max_iterations
        Iterations in the log domain at the final strength. A warning says if they did not suffice.
    tolerance
        Stop when no potential moves by more than this times the regularization. The error of the value is of
        second order in it.

    Raises
    ------
    ValueError
        If the inputs are not finite matrices of the same features, or an option is not positive.

    References
    ----------
    Feydy et al. (2019), Interpolating between optimal transport and MMD using Sinkhorn divergences.

    Examples
    --------
    >>> import numpy as np
    >>> import scgde
    >>> x = np.random.default_rng(0).normal(size=(50, 2))
    >>> round(float(scgde.metrics.sinkhorn_divergence(x, x)), 6) == 0
    True
    """
    first, second = as_measures(x, y, x_weights, y_weights)
    check_count(max_iterations, "max_iterations")
    check_positive(tolerance, "tolerance")
    strength = _strength(regularization, first, second)
    solve = partial(_entropic_cost, strength=strength, max_iterations=max_iterations, tolerance=tolerance)
    costs, settled = zip(solve(first, second), solve(first, first), solve(second, second), strict=True)
    _warn_unless(settled=all(settled), max_iterations=max_iterations, tolerance=tolerance)
    return costs[0] - (costs[1] + costs[2]) / 2


def _warn_unless(*, settled: bool, max_iterations: int, tolerance: float) -> None:
    if not settled:
        msg = (
            f"`sinkhorn_divergence` must settle to `tolerance={tolerance}`, but did not in {max_iterations} "
            "iterations. Pass a larger `regularization` or `max_iterations`."
        )
        warnings.warn(msg, UserWarning, stacklevel=3)


def _strength(regularization: float | None, x: Measure, y: Measure) -> float:
    if regularization is None:
        return _SHARE * mean_between(x, y, np.square) or 1.0
    if not 0 < regularization < np.inf:
        msg = f"`regularization` must be positive and finite, got {regularization}. For none use `wasserstein`."
        raise ValueError(msg)
    return regularization


def _entropic_cost(
    x: Measure, y: Measure, *, strength: float, max_iterations: int, tolerance: float
) -> tuple[float, bool]:
    """Value of entropic transport from its dual, and whether the potentials settled.

    Both potentials make half a step at once: the alternating iteration hardly converges for two
    copies of one cloud, and this one solves them as it solves ``x`` with itself, so that they cancel.
    """
    cost = cdist(x.x, y.x, "sqeuclidean")
    f, g = np.zeros(len(x.x)), np.zeros(len(y.x))
    for eps in _annealed(cost.max(), strength, max_iterations):
        f_step = (_soft_min(cost, g, y.weights, eps) - f) / 2
        g_step = (_soft_min(cost.T, f, x.weights, eps) - g) / 2
        f, g = f + f_step, g + g_step
        if eps == strength and max(np.abs(f_step).max(), np.abs(g_step).max()) <= tolerance * strength:
            return float(x.weights @ f + y.weights @ g), True
    return float(x.weights @ f + y.weights @ g), False


def _soft_min(cost: np.ndarray, potential: np.ndarray, weights: np.ndarray, strength: float) -> np.ndarray:
    """Smoothed minimum over columns of ``cost - potential``, shape ``(rows,)``."""
    # As `scipy.special.logsumexp`, which takes three times as long here.
    exponents = (potential / strength + np.log(weights)) - cost / strength
    largest = exponents.max(axis=1, keepdims=True)
    exponents -= largest
    np.exp(exponents, out=exponents)
    return -strength * (largest[:, 0] + np.log(exponents.sum(axis=1)))


def _annealed(start: float, end: float, n_at_end: int) -> Iterator[float]:
    """Strengths that halve from the largest cost to the wanted one, then stay: a warm start is cheap."""
    strength = start
    while strength > end:
        yield strength
        strength /= 2
    yield from repeat(end, n_at_end)
