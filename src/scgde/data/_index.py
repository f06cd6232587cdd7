from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


class SetIndex(NamedTuple):
    """Which cells belong to which set, as CSR: ``cells[offsets[i]:offsets[i + 1]]`` are the rows of set i."""

    cells: np.ndarray
    offsets: np.ndarray

    @classmethod
    def from_codes(cls, codes: np.ndarray, n_sets: int, *, seed: int = 0) -> SetIndex:
        """Index of sets 0 .. ``n_sets`` - 1 from the set of each row, -1 for none.

        The cells of a set are kept in random order, so that neighbours in the file are not neighbours in a draw.
        """
        inside = np.random.default_rng(seed).permutation(np.flatnonzero(codes >= 0))
        cells = inside[np.argsort(codes[inside], kind="stable")]
        offsets = np.zeros(n_sets + 1, dtype=np.int64)
        np.cumsum(np.bincount(codes[cells], minlength=n_sets), out=offsets[1:])
        return cls(cells, offsets)

    @classmethod
    def from_rows(cls, rows: Sequence[np.ndarray]) -> SetIndex:
        """Index of sets that hold the given rows each, in that order."""
        return cls(np.concatenate(rows), np.cumsum([0, *map(len, rows)]))

    @property
    def n_sets(self) -> int:
        return len(self.offsets) - 1

    @property
    def sizes(self) -> np.ndarray:
        """Cells of each set, shape ``(n_sets,)``."""
        return np.diff(self.offsets)

    def take(self, sets: np.ndarray) -> SetIndex:
        """Index of some sets, in the order given, whose cells stay in their random order."""
        return SetIndex.from_rows([self.cells[self.offsets[i] : self.offsets[i + 1]] for i in sets])

    def first_cells(self, max_cells: int) -> SetIndex:
        """Index of at most ``max_cells`` cells of each set; they are in random order already."""
        position = np.arange(len(self.cells)) - np.repeat(self.offsets[:-1], self.sizes)
        sizes = np.minimum(self.sizes, max_cells)
        return SetIndex(self.cells[position < max_cells], np.concatenate([[0], np.cumsum(sizes)]))

    def rows(self, index: int) -> np.ndarray:
        """Rows of one set, sorted."""
        return np.sort(self.cells[self.offsets[index] : self.offsets[index + 1]])
