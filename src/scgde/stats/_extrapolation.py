"""Whether a point lies among the training points, or a model extrapolates there."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

#: Quantile of the nearest-neighbour distances between training points up to which a point is in the support.
SUPPORT_LEVEL = 0.95


def in_support(points: np.ndarray, training: np.ndarray) -> np.ndarray:
    """Whether each point ``(T, E)`` is as near to a training point ``(S, E)`` as most of these are to each other.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> training = np.array([[0.0], [1.0], [2.0]])
    >>> stats.in_support(np.array([[0.5], [9.0]]), training).tolist()
    [True, False]
    """
    tree = cKDTree(training)
    gaps = tree.query(training, k=[2])[0]
    # A single training point has no neighbour: it alone is in its support.
    limit = np.quantile(gaps, SUPPORT_LEVEL) if len(training) > 1 else 0.0
    # Embeddings are stored in single precision, hence the tolerance.
    return tree.query(points)[0] <= limit * (1 + 1e-6) + 1e-6 * np.abs(training).max()
