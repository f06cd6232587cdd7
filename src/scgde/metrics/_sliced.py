from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scgde._checks import check_count
from scgde.metrics._measure import as_measures
from scgde.metrics._registry import METRICS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@METRICS.register("sliced_wasserstein", label="sliced Wasserstein-2", is_squared=False, takes_seed=True)
def sliced_wasserstein(
    x: ArrayLike,
    y: ArrayLike,
    *,
    n_projections: int = 128,
    seed: int = 0,
    x_weights: ArrayLike | None = None,
    y_weights: ArrayLike | None = None,
) -> float:
    """Sliced Wasserstein-2: root of the mean over directions of the squared one-dimensional W2.

    In the units of the features, without a factor for the dimension: a shift by ``v`` gives about
    ``|v| / sqrt(G)``. Exact along each direction, for unequal sizes and weights too.

    Parameters
    ----------
    x, y
        Cells, shapes ``(n, G)`` and ``(m, G)``.
    n_projections
        Random directions, uniform on the sphere.
    seed
        Of the directions.
    x_weights, y_weights
        Weight of each cell, shapes ``(n,)`` and ``(m,)``, of any positive sum; equal by default.

    Raises
    ------
    ValueError
        If the inputs are not finite matrices of the same features, or `n_projections` is below 1.

    References
    ----------
    Bonneel et al. (2015), Sliced and Radon Wasserstein barycenters of measures.

    Examples
    --------
    >>> import scgde
    >>> float(scgde.metrics.sliced_wasserstein([[0.0]], [[3.0]]))
    3.0
    """
    first, second = as_measures(x, y, x_weights, y_weights)
    squares = [
        _squared_w2_on_line(first.x @ direction, second.x @ direction, first.weights, second.weights)
        for direction in _directions(first.x.shape[1], n_projections, seed)
    ]
    return float(np.sqrt(np.mean(squares)))


def _directions(n_features: int, n_projections: int, seed: int) -> np.ndarray:
    n_projections = check_count(n_projections, "n_projections")
    normal = np.random.default_rng(seed).standard_normal((n_projections, n_features))
    return normal / np.linalg.norm(normal, axis=1, keepdims=True)


def _squared_w2_on_line(x: np.ndarray, y: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    """Integral of the squared difference of two step quantile functions, exact between their jumps."""
    x_quantile, x_jumps = _quantile_function(x, a)
    y_quantile, y_jumps = _quantile_function(y, b)
    jumps = np.sort(np.concatenate([x_jumps, y_jumps]))
    lengths = np.diff(jumps, prepend=0.0)
    gap = x_quantile[_steps(x_jumps, jumps)] - y_quantile[_steps(y_jumps, jumps)]
    return float(lengths @ gap**2)


def _quantile_function(values: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(values)
    return values[order], np.cumsum(weights[order])


def _steps(own: np.ndarray, jumps: np.ndarray) -> np.ndarray:
    # The last jump is 1 only up to rounding.
    return np.searchsorted(own, jumps).clip(max=len(own) - 1)
