"""Mean distances between the parts of a forecast, and to the truth: the energy distance of any mixture of them."""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

if TYPE_CHECKING:
    from collections.abc import Sequence


class MixtureTerms(NamedTuple):
    """Terms of the energy distance ``2 b . w - w' C w - c`` of a mixture with shares ``w`` from a target.

    Attributes
    ----------
    to_target
        Mean distance of cells of each part to cells of the target, b, shape ``(A,)``.
    between
        Mean distances between cells of two parts, C, shape ``(A, A)``.
    within_target
        Mean distance between cells of the target, c.
    """

    to_target: np.ndarray
    between: np.ndarray
    within_target: float

    @classmethod
    def of(cls, parts: Sequence[np.ndarray], target: np.ndarray, *, unbiased: bool = False) -> MixtureTerms:
        """Mean distances between cells.

        Parameters
        ----------
        parts
            Cells of each part, shape ``(D, n, G)``: the same n source cells in each of D draws; D may differ.
        target
            Shape ``(m, G)``.
        unbiased
            Whether a source cell is compared with no copy of itself; then n and m are 2 or more.
        """
        between = np.zeros((len(parts), len(parts)))
        for i, j in combinations_with_replacement(range(len(parts)), 2):
            between[i, j] = between[j, i] = _between_cells(parts[i], parts[j], unbiased=unbiased)
        to_target = [cdist(part.reshape(-1, part.shape[-1]), target).mean() for part in parts]
        return cls(np.array(to_target), between, _between_cells(target[None], target[None], unbiased=unbiased))

    def loss(self, shares: np.ndarray) -> float:
        """Energy distance of the mixture with these shares ``(A,)``."""
        return float(2 * self.to_target @ shares - shares @ self.between @ shares - self.within_target)


def _between_cells(a: np.ndarray, b: np.ndarray, *, unbiased: bool) -> float:
    """Mean distance of source cells ``(D, n, G)`` and ``(E, n, G)``, unbiased: but for those of a cell and itself."""
    n = a.shape[1]
    distances = cdist(a.reshape(-1, a.shape[-1]), b.reshape(-1, b.shape[-1]))
    if not unbiased:
        return float(distances.mean())
    distances = distances.reshape(len(a), n, len(b), n)
    of_cells = distances.mean(axis=(0, 2))
    return float((of_cells.sum() - np.trace(of_cells)) / (n * (n - 1)))
