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

    def n_enough(self, removed: np.ndarray, most: np.ndarray, share: float) -> np.ndarray:
        """How many axes hold a ``share`` of the variance, but at most ``most`` ``(P,)``, for each vector taken away."""
        total = (self.variance.sum() - (removed**2).sum(axis=1)).clip(0)
        pair, rank = np.repeat(np.arange(len(most)), most), _counts(most)
        values = np.zeros((len(most), int(most.max())))
        values[pair, rank] = downdated(self.variance, removed[pair], rank).values.clip(0)
        return np.minimum(1 + (values.cumsum(axis=1) < share * total[:, None]).sum(axis=1), most)

    def leading(self, removed: np.ndarray, k: int) -> np.ndarray:
        """The k leading axes for each vector taken away ``(P, E)``, shape ``(P, E, k)``."""
        rank = np.tile(np.arange(k), len(removed))
        vectors = downdated(self.variance, np.repeat(removed, k, axis=0), rank).vectors
        return self.axes @ vectors.reshape(len(removed), k, -1).swapaxes(1, 2)


def _counts(n: np.ndarray) -> np.ndarray:
    """0, ..., n_1 - 1, 0, ..., n_2 - 1, ...."""
    return np.arange(n.sum()) - np.repeat(n.cumsum() - n, n)
