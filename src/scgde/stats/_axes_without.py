"""Principal axes of points when one more of them is left out, from a single decomposition."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np

from scgde.stats._rank_one import downdated


class AxesWithout(NamedTuple):
    """Principal axes of n points, of which each is to be left out in turn.

    Leaving out ``z`` takes ``n / (n - 1) (z - m)(z - m)'`` from their scatter about the mean m: a change of rank one,
    so that the new axes follow from the old ones without another decomposition.

    Attributes
    ----------
    mean
        Shape ``(E,)``.
    variance
        Of the scatter along the axes, in descending order, shape ``(E,)``.
    axes
        As columns, shape ``(E, E)``.
    factor
        ``n / (n - 1)``.
    """

    mean: np.ndarray
    variance: np.ndarray
    axes: np.ndarray
    factor: float

    @classmethod
    def of(cls, points: np.ndarray, noise: np.ndarray) -> Self:
        """Axes of points ``(n, E)``; ``noise`` ``(E, E)`` is added to their scatter."""
        mean, n = points.mean(axis=0), len(points)
        variance, axes = np.linalg.eigh((points - mean).T @ (points - mean) + noise)
        return cls(mean, variance[::-1].clip(0), axes[:, ::-1], n / max(n - 1, 1))

    def downdates(self, points: np.ndarray) -> np.ndarray:
        """What leaving out each of some points ``(P, E)`` takes away, as vectors along the axes."""
        return np.sqrt(self.factor) * (points - self.mean) @ self.axes

    def leading(self, removed: np.ndarray, n: np.ndarray) -> LeadingAxes:
        """The ``n`` ``(P,)`` leading axes for each vector taken away ``(P, E)``."""
        found, rank = np.repeat(np.arange(len(n)), n), _counts(n)
        pairs = downdated(self.variance, removed[found], rank)
        variance, along = np.zeros((len(n), int(n.max()))), np.zeros((len(n), int(n.max()), len(self.variance)))
        variance[found, rank], along[found, rank] = pairs.values.clip(0), pairs.vectors
        total = (self.variance.sum() - (removed**2).sum(axis=1)).clip(0)
        return LeadingAxes(variance, self.axes @ along.swapaxes(1, 2), total)


class LeadingAxes(NamedTuple):
    """Leading axes of several scatters, zero where fewer were asked for.

    Attributes
    ----------
    variance
        Along each, in descending order, shape ``(P, k)``.
    axes
        As columns, shape ``(P, E, k)``.
    total
        Variance along all axes, shape ``(P,)``.
    """

    variance: np.ndarray
    axes: np.ndarray
    total: np.ndarray

    def n_enough(self, share: float) -> np.ndarray:
        """How many axes hold a ``share`` of the variance, shape ``(P,)``; one more than there are if they do not."""
        return 1 + (self.variance.cumsum(axis=1) < share * self.total[:, None]).sum(axis=1)


def _counts(n: np.ndarray) -> np.ndarray:
    """0, ..., n_1 - 1, 0, ..., n_2 - 1, ...."""
    return np.arange(n.sum()) - np.repeat(n.cumsum() - n, n)
