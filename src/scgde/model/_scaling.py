from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

if TYPE_CHECKING:
    from scgde.data import CellStore, SetIndex

SCALINGS = ("common", "feature", "none")
_VALUES_PER_READ = 2**24


class Scaling(NamedTuple):
    """``(x - center) / scale``, each float32 of shape ``(G,)``."""

    center: np.ndarray
    scale: np.ndarray


def fit_scaling(features: CellStore, index: SetIndex, sets: np.ndarray, *, method: str) -> Scaling:
    """Centre and scale from the cells of ``sets`` only, so that held-out sets leave no trace.

    Raises
    ------
    ValueError
        If a feature of a cell in any set is not finite.
    """
    center, variance = np.zeros(features.n_features), np.zeros(features.n_features)
    chosen = np.zeros(index.n_sets, dtype=bool)
    chosen[sets] = True
    rows = np.sort(index.cells[np.repeat(chosen, index.sizes)])
    n_seen, n_rows = 0, max(1, _VALUES_PER_READ // features.n_features)
    for start in range(0, len(rows), n_rows):
        block = features.gather(torch.from_numpy(rows[start : start + n_rows])).double().cpu().numpy()
        n_seen, center, variance = _merge(n_seen, center, variance, block)
    if method == "none":
        return Scaling(np.zeros_like(center, dtype=np.float32), np.ones_like(center, dtype=np.float32))
    scale = np.sqrt(variance if method == "feature" else np.full_like(variance, variance.mean()))
    # A constant feature, or all of them, cannot be scaled.
    scale[scale < 1e-12] = 1.0
    return Scaling(center.astype(np.float32), scale.astype(np.float32))


def _merge(n: int, mean: np.ndarray, variance: np.ndarray, block: np.ndarray) -> tuple[int, np.ndarray, np.ndarray]:
    """Mean and variance of what was seen and a block (Chan's update)."""
    total, delta = n + len(block), block.mean(axis=0) - mean
    share = len(block) / total
    variance = (1 - share) * variance + share * block.var(axis=0) + share * (1 - share) * delta**2
    return total, mean + share * delta, variance
