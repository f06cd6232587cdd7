"""Leading eigenpairs of a diagonal matrix from which a vector is taken away, for many vectors at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_EPS = np.finfo(float).eps
#: Of a sum of terms, relative to the sum of their sizes.
_ROUNDING = 8 * _EPS
#: Far more than are needed: five to eight suffice, and a bisection halves the bracket where a step leaves it.
_MAX_STEPS = 100


class Eigenpairs(NamedTuple):
    """Eigenvalues ``(N,)`` and eigenvectors ``(N, E)``."""

    values: np.ndarray
    vectors: np.ndarray


def downdated(values: np.ndarray, vectors: np.ndarray, rank: np.ndarray) -> Eigenpairs:
    """One eigenpair of each matrix ``diag(values) - v v'``, which must be positive semi-definite.

    The eigenvalue of rank i is the root of ``1 = sum_j v_j^2 / (values_j - x)`` between ``values_i`` and
    ``values_{i + 1}``. It is found by interpolation with the two poles next to it, as its distance to the upper one,
    so that the eigenvector ``v_j / (values_j - x)`` keeps its digits.

    Parameters
    ----------
    values
        In descending order, shape ``(E,)``.
    vectors
        The vectors v, shape ``(N, E)``.
    rank
        Which eigenpair, 0 for the leading one, shape ``(N,)``.

    References
    ----------
    :cite:t:`Bunch78`; the interpolation by :cite:t:`Li93`.
    """
    # Ties, and vectors that miss an axis, are moved apart by a rounding error.
    values = values - np.arange(len(values)) * _EPS * values[0]
    smallest = _EPS * np.sqrt(values[0])
    vectors = np.where(np.abs(vectors) < smallest, np.copysign(smallest, vectors), vectors)
    square = vectors**2
    lower_pole = np.append(values[1:], -np.inf)[rank]
    gap = np.minimum(values[rank] - lower_pole, square.sum(axis=1))
    offset = values - values[rank][:, None]
    below = _below_pole(offset, square, gap, (np.arange(len(values)) <= rank[:, None]).astype(float))
    found = vectors / (offset + below[:, None])
    return Eigenpairs(values[rank] - below, found / np.linalg.norm(found, axis=1, keepdims=True))


def _below_pole(offset: np.ndarray, square: np.ndarray, gap: np.ndarray, above: np.ndarray) -> np.ndarray:
    """Roots of ``1 = sum_j square_j / (offset_j + x)`` with 0 < x < gap, shape ``(N,)``.

    ``above`` is 1 for the poles at x <= 0, else 0.
    """
    low, high, x = np.zeros_like(gap), gap.copy(), 0.5 * gap
    active = np.arange(len(gap))
    for _ in range(_MAX_STEPS):
        step = _interpolated(offset[active], square[active], gap[active], above[active], x[active])
        active, step = active[~step.is_settled], _Step(*(part[~step.is_settled] for part in step))
        if not len(active):
            break
        is_high = step.residual > 0
        high[active] = np.where(is_high, x[active], high[active])
        low[active] = np.where(is_high, low[active], x[active])
        inside = (step.x > low[active]) & (step.x < high[active])
        x[active] = np.where(inside, step.x, 0.5 * (low[active] + high[active]))
    return x


class _Step(NamedTuple):
    """Value of the equation at a point, increasing, whether it is 0 up to rounding, and the root of its interpolation.

    Shape ``(N,)`` each.
    """

    residual: np.ndarray
    is_settled: np.ndarray
    x: np.ndarray


def _interpolated(offset: np.ndarray, square: np.ndarray, gap: np.ndarray, above: np.ndarray, x: np.ndarray) -> _Step:
    """The terms of the poles on each side, as one pole ``p + s / x`` and ``q + r / (gap - x)``."""
    distance = offset + x[:, None]
    terms = square / distance
    upper, lower = _sums(terms, above)
    s, r = _sums(terms / distance, above)
    s, r = x**2 * s, (gap - x) ** 2 * r
    residual = 1 - upper - lower
    is_settled = np.abs(residual) <= _ROUNDING * (1 + upper - lower)
    constant = residual + s / x - r / (gap - x)
    # constant - s / x + r / (gap - x) = 0, the root between 0 and gap.
    linear = constant * gap + s + r
    root = np.sqrt(np.maximum(linear**2 - 4 * constant * s * gap, 0))
    with np.errstate(divide="ignore", invalid="ignore"):
        new = np.where(linear > 0, 2 * s * gap / (linear + root), (linear - root) / (2 * constant))
    return _Step(residual, is_settled, new)


def _sums(terms: np.ndarray, above: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums of the terms of the poles on each side, shape ``(N,)``."""
    return np.einsum("ne,ne->n", terms, above), np.einsum("ne,ne->n", terms, 1 - above)
