from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class CumulativeTable:
    """Draws positions with given probabilities, as ``rng.choice(n, p=)`` does, but sums these once and not per draw.

    Parameters
    ----------
    weights
        Positive; positions are drawn in proportion to them, shape ``(n,)``.
    """

    def __init__(self, weights: ArrayLike) -> None:
        share = np.asarray(weights, dtype=float)
        upper = np.cumsum(share / share.sum())
        self._upper = upper / upper[-1]

    def draw(self, size: int | tuple[int, ...], *, rng: np.random.Generator) -> np.ndarray:
        """Array of ``size`` of positions, with replacement."""
        return self._upper.searchsorted(rng.random(size), side="right")
