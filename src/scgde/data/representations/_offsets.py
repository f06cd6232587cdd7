"""Features so far from zero that single precision, in which networks compute, does not hold how cells differ."""

from __future__ import annotations

import numpy as np

#: Standard deviations from zero at which single precision keeps two digits of a difference.
MAX_OFFSET = 1e5
#: Features that vary less than this share of the one that varies most are rounding.
_NEGLIGIBLE = 1e-6


class Moments:
    """Mean and standard deviation of each feature, of cells that come block by block."""

    def __init__(self, n_features: int) -> None:
        self._n, self._origin = 0, np.zeros(n_features)
        self._sum, self._squares = np.zeros(n_features), np.zeros(n_features)

    def add(self, cells: np.ndarray) -> None:
        """Count more cells, float64 of shape ``(n, n_features)``."""
        if not len(cells):
            return
        if self._n == 0:
            # About a cell, so that squares of large offsets do not cancel.
            self._origin = cells[0]
        centered = cells - self._origin
        self._n += len(cells)
        self._sum += centered.sum(axis=0)
        self._squares += np.square(centered).sum(axis=0)

    def far_from_zero(self) -> np.ndarray:
        """Features that are too far from zero to be told apart in single precision."""
        if self._n == 0:
            return np.arange(0)
        mean = self._sum / self._n
        sd = np.sqrt(np.maximum(self._squares / self._n - mean**2, 0))
        varies = sd > _NEGLIGIBLE * sd.max(initial=0)
        return np.flatnonzero(varies & (np.abs(self._origin + mean) > MAX_OFFSET * sd))
