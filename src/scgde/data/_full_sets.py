"""Sets of any size and number as batches of measures, without a draw: every cell counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scgde.data._sampling import Draw

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scgde.data._index import SetIndex


def full_set_batches(index: SetIndex, *, max_cells: int) -> Iterator[tuple[np.ndarray, Draw]]:
    """Batches of whole sets, each padded with weight 0 to the largest, of at most ``max_cells`` slots.

    Sets are taken in order of size, so that little is padded. A set above ``max_cells`` comes alone, one
    without cells not at all.

    Yields
    ------
    The sets of a batch, shape ``(S,)``, and their cells, shape ``(S, M)``.
    """
    order = np.argsort(index.sizes, kind="stable")
    order = order[index.sizes[order] > 0]
    sizes, start = index.sizes[order], 0
    while start < len(order):
        # Each has a cell: more than `max_cells` sets cannot fit.
        stop = start + _n_that_fit(sizes[start : start + max_cells], max_cells)
        sets = order[start:stop]
        yield sets, _padded(index, sets)
        start = stop


def _n_that_fit(sizes: np.ndarray, max_cells: int) -> int:
    """How many of the sets, in increasing size, fit when all are padded to the last."""
    slots = sizes * np.arange(1, len(sizes) + 1)
    return max(1, int(np.searchsorted(slots, max_cells, side="right")))


def _padded(index: SetIndex, sets: np.ndarray) -> Draw:
    size = index.sizes_of(sets)[:, None]
    slot = np.arange(size.max())[None, :]
    rows = index.cells[index.offsets[sets][:, None] + np.minimum(slot, size - 1)]
    return Draw(rows, index.normalised(rows, (slot < size).astype(float)))
