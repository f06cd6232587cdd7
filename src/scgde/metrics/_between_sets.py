"""One distance for every two of many clouds. Here and not in ``tl``: a process that measures loads no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from joblib import Parallel, delayed

from scgde._progress import progress
from scgde.metrics._all_pairs import AllPairs, EachPair

if TYPE_CHECKING:
    from collections.abc import Callable

    Metric = Callable[[np.ndarray, np.ndarray], float]

#: Clouds on each side of the block of pairs that a process is sent at a time.
BLOCK = 32


def between_sets(clouds: list[np.ndarray], metric: AllPairs[Any] | Metric, *, n_jobs: int | None = None) -> np.ndarray:
    """Distance of every two clouds ``(n, G)``, symmetric, shape ``(S, S)``."""
    pairs = metric if isinstance(metric, AllPairs) else EachPair(metric)
    terms = [pairs.of_set(cloud) for cloud in clouds]
    parts = [slice(start, min(start + BLOCK, len(clouds))) for start in range(0, len(clouds), BLOCK)]
    blocks = [(rows, columns) for i, rows in enumerate(parts) for columns in parts[i:]]
    values = Parallel(n_jobs=n_jobs, return_as="generator")(
        delayed(pairs.triangle)(terms[rows]) if rows == columns else delayed(pairs.block)(terms[rows], terms[columns])
        for rows, columns in blocks
    )
    square = np.zeros((len(clouds), len(clouds)))
    done = progress(values, "Distances", unit="block", total=len(blocks))
    for block, value in zip(blocks, done, strict=True):
        square[block] = value
    upper = np.triu(square, k=1)
    return upper + upper.T


def between_pairs(
    clouds: list[np.ndarray], pairs: np.ndarray, metric: Metric, *, n_jobs: int | None = None
) -> np.ndarray:
    """Distance of some pairs ``(n, 2)`` of clouds ``(n_i, G)``, shape ``(n,)``."""
    parts = [pairs[start : start + BLOCK**2] for start in range(0, len(pairs), BLOCK**2)]
    values = Parallel(n_jobs=n_jobs, return_as="generator")(
        delayed(_of_pairs)([(clouds[i], clouds[j]) for i, j in part], metric) for part in parts
    )
    return np.concatenate(list(progress(values, "Distances", unit="block", total=len(parts))))


def _of_pairs(pairs: list[tuple[np.ndarray, np.ndarray]], metric: Metric) -> np.ndarray:
    return np.array([metric(x, y) for x, y in pairs])
