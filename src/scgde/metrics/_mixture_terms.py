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
        return MixtureDistances.of(parts, target).terms(n_cells)

    def take(self, parts: Sequence[int]) -> MixtureTerms:
        """Terms of some of the parts."""
        return MixtureTerms(self.to_target[parts], self.between[np.ix_(parts, parts)], self.within_target)

    def loss(self, shares: np.ndarray) -> float:
        """Energy distance of the mixture with these shares ``(A,)``."""
        return float(2 * self.to_target @ shares - shares @ self.between @ shares - self.within_target)


class MixtureDistances(NamedTuple):
    """Mean distances between cells, those of one source apart: the terms for any number of cells.

    Attributes
    ----------
    to_target
        Of cells of each part to cells of the target, shape ``(A,)``.
    same, different
        Between cells of two parts, of one source cell and of two, shape ``(A, A)``.
    within_target
        Between two cells of the target.
    n_cells, n_target
        Cells of each part and of the target.
    """

    to_target: np.ndarray
    same: np.ndarray
    different: np.ndarray
    within_target: float
    n_cells: int
    n_target: int

    @classmethod
    def of(cls, parts: Sequence[np.ndarray], target: np.ndarray) -> MixtureDistances:
        """Between cells of parts ``(D, n, G)`` and of the target ``(m, G)``, see :meth:`MixtureTerms.of`."""
        same, different = np.zeros((2, len(parts), len(parts)))
        for i, j in combinations_with_replacement(range(len(parts)), 2):
            same[i, j], different[i, j] = same[j, i], different[j, i] = _between_cells(parts[i], parts[j])
        to_target = np.array([cdist(part.reshape(-1, part.shape[-1]), target).mean() for part in parts])
        within_target = _between_cells(target[None], target[None])[1]
        return cls(to_target, same, different, within_target, parts[0].shape[1], len(target))

    def terms(self, n_cells: float | None = None) -> MixtureTerms:
        """Terms of a forecast of so many cells, see :meth:`MixtureTerms.of`."""
        between = self.different + (self.same - self.different) / (n_cells or self.n_cells)
        n_target = n_cells if n_cells == np.inf else self.n_target
        return MixtureTerms(self.to_target, between, self.within_target - self.within_target / n_target)


def _between_cells(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Mean distance of cells ``(D, n, G)`` and ``(E, n, G)`` of one source, and of two."""
    n = a.shape[1]
    distances = cdist(a.reshape(-1, a.shape[-1]), b.reshape(-1, b.shape[-1])).reshape(len(a), n, len(b), n)
    of_cells = distances.mean(axis=(0, 2))
    same = np.trace(of_cells) / n
    return float(same), float((of_cells.sum() - n * same) / (n * (n - 1)))
