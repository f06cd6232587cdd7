from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist
from scipy.special import logsumexp

from scgde.metrics._measure import Measure, as_measures


def sinkhorn_divergence(
    x: ArrayLike,
    y: ArrayLike,
    *,
    regularization: float | None = None,
    x_weights: ArrayLike | None = None,
    y_weights: ArrayLike | None = None,
    max_iterations: int = 2000,
    tolerance: float = 1e-6,
) -> float:
    """Debiased Sinkhorn divergence ``OT(x, y) - OT(x, x) / 2 - OT(y, y) / 2``.

    ``OT`` is entropic optimal transport, ``min E|x - y|^2 + regularization KL(plan | product)``, with its entropy,
    for the squared Euclidean cost (not halved). In squared units of the features, not rooted: it tends to the squared
    W2 as `regularization` tends to 0, and to the squared difference of the means as it grows. Never negative.

    Parameters
    ----------
    x, y
        Cells, shapes ``(n, G)`` and ``(m, G)``.
    regularization
        Strength of the entropy, in squared units of the features; its root is the length below which detail is blurred.
        None: a twentieth of the mean squared distance between `x` and `y`. Pass a number to compare pairs.
    x_weights, y_weights
        Weight of each cell, shapes ``(n,)`` and ``(m,)``, of any positive sum; equal by default.
    max_iterations
        Iterations in the log domain at the final strength. A warning says if they did not suffice.
    tolerance
        Stop when no potential moves by more than this times the regularization.

    Raises
    ------
    ValueError
        If the inputs are not finite matrices of the same features, or `regularization` is not positive.

    References
    ----------
    Feydy et al. (2019), Interpolating between optimal transport and MMD using Sinkhorn divergences.
    """
    first, second = as_measures(x, y, x_weights, y_weights)
    between = cdist(first.cells, second.cells, "sqeuclidean")
    strength = _strength(regularization, between, first, second)
    solve = _Solver(strength, tolerance, max_iterations)
    return (
        solve.between(between, first.weights, second.weights)
        - (solve.within(first) + solve.within(second)) / 2
    )


def _strength(regularization: float | None, cost: np.ndarray, x: Measure, y: Measure) -> float:
    if regularization is None:
        return float(0.05 * x.weights @ cost @ y.weights) or 1.0
    if not 0 < regularization < np.inf:
        msg = (
            f"`regularization` must be positive and finite, got {regularization}. Use `wasserstein` for none."
        )
        raise ValueError(msg)
    return regularization


class _Solver:
    """Values of entropic transport at one strength, from potentials iterated in the log domain."""

    def __init__(self, strength: float, tolerance: float, max_iterations: int) -> None:
        self.strength = strength
        self.tolerance = tolerance
        self.max_iterations = max_iterations

    def between(self, cost: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
        """Dual value for two measures."""
        g = np.zeros(len(b))
        for strength in _annealed(cost.max(), self.strength):
            f, g = self._alternate(cost, np.log(a), np.log(b), g, strength)
        return float(a @ f + b @ g)

    def within(self, x: Measure) -> float:
        """Dual value of a measure with itself: one potential, and averaged steps that converge fast."""
        cost = cdist(x.cells, x.cells, "sqeuclidean")
        f, log_weights = np.zeros(len(cost)), np.log(x.weights)
        for _ in range(self.max_iterations):
            before, f = f, (f + _soft_min(cost, f, log_weights, self.strength)) / 2
            if self._settled(before, f, self.strength):
                break
        else:
            self._warn()
        return float(2 * x.weights @ f)

    def _alternate(
        self, cost: np.ndarray, log_a: np.ndarray, log_b: np.ndarray, g: np.ndarray, strength: float
    ) -> tuple[np.ndarray, np.ndarray]:
        final = strength == self.strength
        for _ in range(self.max_iterations if final else 1):
            before = g
            f = _soft_min(cost, g, log_b, strength)
            g = _soft_min(cost.T, f, log_a, strength)
            if self._settled(before, g, strength):
                break
        else:
            if final:
                self._warn()
        return f, g

    def _settled(self, before: np.ndarray, after: np.ndarray, strength: float) -> bool:
        return bool(np.abs(after - before).max() <= self.tolerance * strength)

    def _warn(self) -> None:
        msg = (
            f"`sinkhorn_divergence` did not settle to {self.tolerance} within {self.max_iterations} iterations. "
            "Pass a larger `regularization` or `max_iterations`."
        )
        warnings.warn(msg, UserWarning, stacklevel=6)


def _soft_min(
    cost: np.ndarray, potential: np.ndarray, log_weights: np.ndarray, strength: float
) -> np.ndarray:
    """Smoothed minimum over columns of ``cost - potential``, shape ``(rows,)``."""
    return -strength * logsumexp((potential - cost) / strength + log_weights, axis=1)


def _annealed(start: float, end: float) -> list[float]:
    """Strengths that halve from the largest cost to the wanted one: a warm start costs few iterations."""
    n_halvings = max(0, int(np.log2(max(start / end, 1.0))))
    return [end * 2.0**k for k in range(n_halvings, 0, -1)] + [end]
