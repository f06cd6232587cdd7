from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


class SetIndex(NamedTuple):
    """Which cells belong to which set, as CSR: ``cells[offsets[i]:offsets[i + 1]]`` are the rows of set i.

    ``weights`` are those of all rows of the data, shape ``(n_obs,)``; None where all cells of a set count the same.
    """

    cells: np.ndarray
    offsets: np.ndarray
    weights: np.ndarray | None = None

    @classmethod
    def from_codes(
        cls, codes: np.ndarray, n_sets: int, *, weights: np.ndarray | None = None, seed: int = 0
    ) -> SetIndex:
        """Index of sets 0 .. ``n_sets`` - 1 from the set of each row, -1 for none.

        The cells of a set are kept in random order, so that neighbours in the file are not neighbours in a draw.
        """
        inside = np.random.default_rng(seed).permutation(np.flatnonzero(codes >= 0))
        cells = inside[np.argsort(codes[inside], kind="stable")]
        offsets = np.zeros(n_sets + 1, dtype=np.int64)
        np.cumsum(np.bincount(codes[cells], minlength=n_sets), out=offsets[1:])
        return cls(cells, offsets, weights)

    @classmethod
    def from_rows(cls, rows: Sequence[np.ndarray], *, weights: np.ndarray | None = None) -> SetIndex:
        """Index of sets that hold the given rows each, in that order."""
        return cls(np.concatenate(rows), np.cumsum([0, *map(len, rows)]), weights)

    @property
    def n_sets(self) -> int:
        return len(self.offsets) - 1

    @property
    def sizes(self) -> np.ndarray:
        """Cells of each set, shape ``(n_sets,)``."""
        return np.diff(self.offsets)

    @property
    def effective_sizes(self) -> np.ndarray:
        """Cells of equal weight that would say as much of each set, ``(sum w)^2 / sum w^2``, shape ``(n_sets,)``."""
        if self.weights is None:
            return self.sizes
        codes, weights = np.repeat(np.arange(self.n_sets), self.sizes), self.weights[self.cells]
        total, square = (np.bincount(codes, values, minlength=self.n_sets) for values in (weights, weights**2))
        return np.divide(total**2, square, out=np.zeros(self.n_sets), where=square > 0)

    def normalised(self, rows: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Weights of drawn rows ``(S, M)`` that sum to 1 in each set, float32; each row counts ``counts`` times."""
        mass = counts if self.weights is None else counts * self.weights[rows]
        return (mass / mass.sum(axis=1, keepdims=True)).astype(np.float32)

    def codes(self, n_rows: int) -> np.ndarray:
        """Set of each row, -1 for none, int64 of shape ``(n_rows,)``: inverse of :meth:`from_codes`."""
        codes = np.full(n_rows, -1, dtype=np.int64)
        codes[self.cells] = np.repeat(np.arange(self.n_sets), self.sizes)
        return codes

    def sizes_of(self, sets: np.ndarray) -> np.ndarray:
        """Cells of some sets, of the shape of ``sets``, at a cost that does not grow with the number of all."""
        return self.offsets[sets + 1] - self.offsets[sets]

    def take(self, sets: np.ndarray) -> SetIndex:
        """Index of some sets, in the order given, whose cells stay in their random order."""
        return SetIndex.from_rows(
            [self.cells[self.offsets[i] : self.offsets[i + 1]] for i in sets], weights=self.weights
        )

    def first_cells(self, max_cells: int) -> SetIndex:
        """Index of at most ``max_cells`` cells of each set; they are in random order already."""
        position = np.arange(len(self.cells)) - np.repeat(self.offsets[:-1], self.sizes)
        sizes = np.minimum(self.sizes, max_cells)
        return self._replace(cells=self.cells[position < max_cells], offsets=np.concatenate([[0], np.cumsum(sizes)]))

    def rows(self, index: int) -> np.ndarray:
        """Rows of one set, sorted."""
        return np.sort(self.cells[self.offsets[index] : self.offsets[index + 1]])
