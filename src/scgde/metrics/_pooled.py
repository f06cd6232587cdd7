"""Scales of pooled cells: what kernels and blurs are chosen by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial.distance import pdist

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

#: Scales are those of at most so many cells: two million distances.
MAX_POOLED = 2000


def pool(clouds: list[np.ndarray], *, seed: int = 0) -> np.ndarray:
    """Cells of all clouds ``(n_i, G)``, or 2,000 random ones where there are more, shape ``(n, G)``."""
    cells = np.concatenate(clouds)
    if len(cells) <= MAX_POOLED:
        return cells
    return np.random.default_rng(seed).choice(cells, MAX_POOLED, replace=False)


def pool_evenly(clouds: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """At most 2,000 random cells, of each cloud ``(n_i, G)`` the same number where it has as many; ``(n, G)``."""
    each = -(-MAX_POOLED // len(clouds))
    cells = np.concatenate([rng.permutation(cloud)[:each] for cloud in clouds])
    return rng.permutation(cells)[:MAX_POOLED].astype(float)


def median_bandwidth(cells: ArrayLike, *, count_equal: bool = False, seed: int = 0) -> float:
    """Width of a Gaussian kernel: the median distance between two cells.

    Parameters
    ----------
    cells
        Shape ``(n, G)``; of more than 2,000, so many random ones are taken.
    count_equal
        Whether pairs of equal cells count; if not, the median is that of the positive distances.
    seed
        Seed of the draw of cells.

    Returns
    -------
    A standard deviation, in the units of the features; 1 where the median would be 0.

    Examples
    --------
    >>> import scgde
    >>> float(scgde.metrics.median_bandwidth([[0.0], [2.0]]))
    2.0
    """
    distances = pdist(pool([np.asarray(cells, dtype=float)], seed=seed))
    distances = distances if count_equal else distances[distances > 0]
    return (float(np.median(distances)) or 1.0) if distances.size else 1.0


def mean_squared_distance(cells: np.ndarray) -> float:
    """Mean squared distance between two of the cells ``(n, G)``."""
    return float(np.mean(pdist(cells) ** 2))
