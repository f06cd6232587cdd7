"""One distance for every two of many clouds. Here and not in ``tl``: a process that measures loads no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from joblib import Parallel, delayed

if TYPE_CHECKING:
    from collections.abc import Callable

    Metric = Callable[[np.ndarray, np.ndarray], float]

#: Clouds on each side of the block of pairs that a process is sent at a time.
BLOCK = 32


def between_sets(clouds: list[np.ndarray], metric: Metric, *, n_jobs: int = 1) -> np.ndarray:
    """Distance of every two clouds ``(n, G)``, symmetric, shape ``(S, S)``."""
    parts = [range(start, min(start + BLOCK, len(clouds))) for start in range(0, len(clouds), BLOCK)]
    blocks = [(rows, columns) for i, rows in enumerate(parts) for columns in parts[i:]]
    values = Parallel(n_jobs=n_jobs)(
        delayed(_block)([clouds[i] for i in rows], [clouds[j] for j in columns], metric, same=rows == columns)
        for rows, columns in blocks
    )
    square = np.zeros((len(clouds), len(clouds)))
    for (rows, columns), value in zip(blocks, values, strict=True):
        square[rows.start : rows.stop, columns.start : columns.stop] = value
    upper = np.triu(square, k=1)
    return upper + upper.T


def _block(rows: list[np.ndarray], columns: list[np.ndarray], metric: Metric, *, same: bool) -> np.ndarray:
    """Distances of two groups of clouds; of a group with itself, those above the diagonal only."""
    values = np.zeros((len(rows), len(columns)))
    for i, x in enumerate(rows):
        for j, y in enumerate(columns):
            if i < j or not same:
                values[i, j] = metric(x, y)
    return values
