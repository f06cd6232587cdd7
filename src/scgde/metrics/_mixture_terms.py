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
    def of(cls, parts: Sequence[np.ndarray], target: np.ndarray, *, n_cells: float | None = None) -> MixtureTerms:
        """Mean distances between cells.

        Parameters
        ----------
        parts
            Cells of each part, shape ``(D, n, G)``: the same n source cells in each of D draws, two or more; D may
            differ.
        target
            Shape ``(m, G)``, two or more.
        n_cells
            Cells of the forecast, of which those of each part are some; all by default. Infinite for the unbiased
            energy distance, in which no cell is compared with a copy of itself.
        """
        between = np.zeros((len(parts), len(parts)))
        for i, j in combinations_with_replacement(range(len(parts)), 2):
            between[i, j] = between[j, i] = _between_cells(parts[i], parts[j], n_cells)
        to_target = [cdist(part.reshape(-1, part.shape[-1]), target).mean() for part in parts]
        of_target = n_cells if n_cells == np.inf else None
        return cls(np.array(to_target), between, _between_cells(target[None], target[None], of_target))

    def loss(self, shares: np.ndarray) -> float:
        """Energy distance of the mixture with these shares ``(A,)``."""
        return float(2 * self.to_target @ shares - shares @ self.between @ shares - self.within_target)


def _between_cells(a: np.ndarray, b: np.ndarray, n_cells: float | None) -> float:
    """Mean distance of cells ``(D, n, G)`` and ``(E, n, G)``, one pair in ``n_cells`` of which is of one source."""
    n = a.shape[1]
    distances = cdist(a.reshape(-1, a.shape[-1]), b.reshape(-1, b.shape[-1])).reshape(len(a), n, len(b), n)
    of_cells = distances.mean(axis=(0, 2))
    same = np.trace(of_cells) / n
    different = (of_cells.sum() - n * same) / (n * (n - 1))
    return float(different + (same - different) / (n_cells or n))
