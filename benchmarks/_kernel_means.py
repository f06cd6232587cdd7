"""What needs no training in the experiments on geometry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial.distance import cdist

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Of a kernel, in units of the median distance between cells.
BANDWIDTHS = (0.1, 0.25, 0.5, 1, 2, 4)


def kernel_means(cells: np.ndarray, n_frequencies: int) -> Iterator[np.ndarray]:
    """Mean random Fourier features of sets ``(S, M, G)``, shape ``(S, 2 n_frequencies)``, for each bandwidth."""
    rng = np.random.default_rng(0)
    some = rng.choice(cells.reshape(-1, cells.shape[-1]), 4000, replace=False)
    width = np.median(cdist(some[:2000], some[2000:]))
    directions = rng.standard_normal((cells.shape[-1], n_frequencies))
    for bandwidth in BANDWIDTHS:
        angles = (part @ (directions / (bandwidth * width)) for part in cells)
        yield np.stack([np.concatenate([np.cos(a).mean(axis=0), np.sin(a).mean(axis=0)]) for a in angles])
