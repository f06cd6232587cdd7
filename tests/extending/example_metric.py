"""A metric of one's own: the distance of means, in standard deviations."""

from __future__ import annotations

from typing import Any

import numpy as np

from scgde.metrics import METRICS


def common_units(pooled: np.ndarray) -> dict[str, Any]:
    """Standard deviation of each feature over cells of all sets ``(n, G)``, so that all pairs have the same units."""
    return {"sd": pooled.std(axis=0)}


@METRICS.register("mean_shift", label="distance of means (sd)", is_squared=False, shared=common_units)
def mean_shift(x: np.ndarray, y: np.ndarray, *, sd: np.ndarray | None = None) -> float:
    """Euclidean distance of the means, each feature in standard deviations.

    Parameters
    ----------
    x, y
        Cells, shapes ``(n, G)`` and ``(m, G)``.
    sd
        Standard deviation of each feature, shape ``(G,)``; by default that of `x` and `y` together.
    """
    scale = np.concatenate([x, y]).std(axis=0) if sd is None else sd
    return float(np.linalg.norm((x.mean(axis=0) - y.mean(axis=0)) / scale))
