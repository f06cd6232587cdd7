"""Is a place among those that were seen?"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

#: A point is in the support when it is as near to one that was seen as this share of those are to another.
SUPPORT_LEVEL = 0.95


def in_support(points: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Whether each point ``(T, E)`` is as near to one that was seen ``(S, E)`` as most of these are to another."""
    tree = cKDTree(seen)
    gaps = tree.query(seen, k=[2])[0]
    # A single one has no other, and is alone in its support.
    limit = np.quantile(gaps, SUPPORT_LEVEL) if len(seen) > 1 else 0.0
    # Single precision, in which embeddings are stored.
    return tree.query(points)[0] <= limit * (1 + 1e-6) + 1e-6 * np.abs(seen).max()
