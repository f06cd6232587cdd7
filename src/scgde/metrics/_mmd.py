from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scgde.metrics._measure import as_measures
from scgde.metrics._pairwise import KernelPairs, mean_between, mean_within
from scgde.metrics._pooled import median_bandwidth, pool
from scgde.metrics._registry import METRICS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike


def _shared_bandwidth(pooled: np.ndarray) -> dict[str, float]:
    return {"bandwidth": median_bandwidth(pooled, count_equal=True)}


def _all_pairs(*, bandwidth: float, unbiased: bool = False) -> KernelPairs:
    return KernelPairs(_RbfMixture.of(bandwidth), sign=-1, unbiased=unbiased)


@METRICS.register(
    "mmd",
    label="squared MMD",
    is_squared=True,
    has_unbiased=True,
    shared=_shared_bandwidth,
    all_pairs=_all_pairs,
)
def mmd(
    x: ArrayLike,
    y: ArrayLike,
    *,
    bandwidth: float | Sequence[float] | None = None,
    unbiased: bool = False,
    x_weights: ArrayLike | None = None,
    y_weights: ArrayLike | None = None,
) -> float:
    """Squared maximum mean discrepancy with the kernel ``exp(-|x - y|^2 / (2 bandwidth^2))``.

    ``E k(x, x') + E k(y, y') - 2 E k(x, y)``: without units, between 0 and 2 (V-statistic).

    Parameters
    ----------
    x, y
        Cells, shapes ``(n, G)`` and ``(m, G)``.
    bandwidth
        Standard deviation of the kernel, in the units of the features. Several: the mean over them.
        None: the median positive distance between the cells of `x` and `y`, pooled (between 2,000 random ones
        of them where there are more); values of different pairs are then on different scales.
    unbiased
        Leave out the pairs of a cell with itself (U-statistic): the expectation is zero for two draws of one
        population, and values can be negative. Otherwise all pairs count (V-statistic): never negative.
    x_weights, y_weights
        Weight of each cell, shapes ``(n,)`` and ``(m,)``, of any positive sum; equal by default.

    Raises
    ------
    ValueError
        If the inputs are not finite matrices of the same features, a bandwidth is not positive, or `unbiased`
        meets a single cell.

    References
    ----------
    Gretton et al. (2012), A kernel two-sample test.

    Examples
    --------
    >>> import numpy as np
    >>> import scgde
    >>> x = np.random.default_rng(0).normal(size=(50, 2))
    >>> scgde.metrics.mmd(x, x) < scgde.metrics.mmd(x, x + 1)
    True
    """
    first, second = as_measures(x, y, x_weights, y_weights)
    widths = median_bandwidth(pool([first.x, second.x])) if bandwidth is None else bandwidth
    kernel = _RbfMixture.of(widths)
    within = mean_within(first, kernel, unbiased=unbiased) + mean_within(second, kernel, unbiased=unbiased)
    return within - 2 * mean_between(first, second, kernel)


@dataclass(frozen=True, eq=False)
class _RbfMixture:
    """Mean of Gaussian kernels of several widths, shape ``(K,)``; not a closure, so that processes can be sent it."""

    bandwidths: np.ndarray

    @classmethod
    def of(cls, bandwidth: float | Sequence[float]) -> _RbfMixture:
        bandwidths = np.atleast_1d(np.asarray(bandwidth, dtype=np.float64))
        if bandwidths.size == 0 or not (np.isfinite(bandwidths) & (bandwidths > 0)).all():
            msg = f"`bandwidth` must be positive and finite, got {bandwidths.tolist()}. For the median pass None."
            raise ValueError(msg)
        return cls(bandwidths)

    def __call__(self, distances: np.ndarray) -> np.ndarray:
        mixture = np.zeros_like(distances)
        for width in self.bandwidths:
            scaled = distances / width
            scaled *= scaled
            scaled *= -0.5
            mixture += np.exp(scaled, out=scaled)
        mixture /= len(self.bandwidths)
        return mixture
