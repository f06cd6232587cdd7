from __future__ import annotations

from typing import TYPE_CHECKING

from scgde.metrics._measure import as_measures
from scgde.metrics._pairwise import KernelPairs, mean_between, mean_within
from scgde.metrics._registry import METRICS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike


def _all_pairs(*, unbiased: bool = False) -> KernelPairs:
    return KernelPairs(_identity, sign=1, unbiased=unbiased)


@METRICS.register("energy", label="energy distance", is_squared=True, has_unbiased=True, all_pairs=_all_pairs)
def energy_distance(
    x: ArrayLike,
    y: ArrayLike,
    *,
    unbiased: bool = False,
    x_weights: ArrayLike | None = None,
    y_weights: ArrayLike | None = None,
) -> float:
    """Energy distance ``2 E|x - y| - E|x - x'| - E|y - y'|``.

    In the units of the features, neither halved nor rooted: a part of the literature uses half of it, and
    ``scipy.stats.energy_distance`` is the root of it. Zero if and only if the populations are the same.
    The matrix of distances is never held at once, so that 50,000 cells a side fit in memory.

    Parameters
    ----------
    x, y
        Cells, shapes ``(n, G)`` and ``(m, G)``.
    unbiased
        Leave out the pairs of a cell with itself (U-statistic): the expectation is zero for two draws of one
        population, and values can be negative. Otherwise all pairs count (V-statistic): never negative.
    x_weights, y_weights
        Weight of each cell, shapes ``(n,)`` and ``(m,)``, of any positive sum; equal by default.

    Raises
    ------
    ValueError
        If the inputs are not finite matrices of the same features, or `unbiased` meets a single cell.

    References
    ----------
    Székely and Rizzo (2013), Energy statistics.

    Examples
    --------
    >>> import scgde
    >>> float(scgde.metrics.energy_distance([[0.0]], [[3.0]]))
    6.0
    """
    first, second = as_measures(x, y, x_weights, y_weights)
    within = mean_within(first, _identity, unbiased=unbiased) + mean_within(second, _identity, unbiased=unbiased)
    return 2 * mean_between(first, second, _identity) - within


def _identity(distances: np.ndarray) -> np.ndarray:
    return distances
