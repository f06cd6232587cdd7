"""States of cells, clusters in ground coordinates, and their shares in sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

if TYPE_CHECKING:
    from scgde._types import Config

#: States, where there are so many cells for each; cells that settle them.
_N_STATES, _CELLS_PER_STATE, _MAX_CELLS = 8, 50, 10_000
#: Cells of each state that are added to those of a set.
_PRIOR = 0.5


class CellStates(NamedTuple):
    """Clusters of cells.

    Attributes
    ----------
    centers
        Shape ``(K, D)``.
    """

    centers: np.ndarray

    @classmethod
    def fit(cls, ground: np.ndarray, *, seed: int) -> Self:
        """K-means of cells ``(n, D)``."""
        from sklearn.cluster import KMeans

        rng = np.random.default_rng(seed)
        some = ground if len(ground) <= _MAX_CELLS else ground[rng.choice(len(ground), _MAX_CELLS, replace=False)]
        n_states = int(np.clip(len(some) // _CELLS_PER_STATE, 1, _N_STATES))
        return cls(KMeans(n_states, n_init=3, random_state=seed).fit(some).cluster_centers_)

    def of(self, ground: np.ndarray) -> np.ndarray:
        """State of each cell ``(n, D)``, shape ``(n,)``."""
        return (np.square(self.centers).sum(axis=1) - 2 * ground @ self.centers.T).argmin(axis=1)

    def log_shares(self, ground: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Logarithm of the share of each state in a set of cells ``(n, D)``, and its variance, shape ``(K,)`` each."""
        counts = np.bincount(self.of(ground), minlength=len(self.centers)) + _PRIOR
        return np.log(counts / counts.sum()), 1 / counts - 1 / counts.sum()

    def resampled(self, ground: np.ndarray, log_ratio: np.ndarray) -> np.ndarray:
        """As many of the cells ``(n, D)``, some repeatedly, as shares change by ``log_ratio`` ``(K,)``: rows ``(n,)``.

        Systematic: each cell comes as often as its weight says, rounded down or up, and once where no share changes.
        """
        weights = np.exp(log_ratio)[self.of(ground)]
        steps = (np.arange(len(weights)) + 0.5) / len(weights)
        return np.searchsorted(np.cumsum(weights) / weights.sum(), steps)

    def to_stored(self) -> tuple[Config, dict[str, np.ndarray]]:
        """As plain values and arrays."""
        return {}, {"centers": self.centers}

    @classmethod
    def from_stored(cls, config: Config, arrays: dict[str, np.ndarray]) -> Self:
        """Inverse of :meth:`to_stored`."""
        return cls(arrays["centers"])
