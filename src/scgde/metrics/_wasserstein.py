from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial.distance import cdist

from scgde.metrics._measure import as_measures
from scgde.metrics._registry import METRICS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

#: POT's default stops before the optimum from a few thousand cells on.
MAX_ITERATIONS = 10_000_000


@METRICS.register("wasserstein", label="Wasserstein-2", is_squared=False)
def wasserstein(
    x: ArrayLike,
    y: ArrayLike,
    *,
    p: float = 2,
    x_weights: ArrayLike | None = None,
    y_weights: ArrayLike | None = None,
) -> float:
    """Exact Wasserstein-p distance, ``(min E|x - y|^p)^(1/p)`` over couplings, ground cost Euclidean.

    In the units of the features: the distance, not its power. Network simplex on an ``(n, m)`` matrix:
    seconds for 2,000 cells a side.

    Parameters
    ----------
    x, y
        Cells, shapes ``(n, G)`` and ``(m, G)``.
    p
        Power, at least 1.
    x_weights, y_weights
        Weight of each cell, shapes ``(n,)`` and ``(m,)``, of any positive sum; equal by default.

    Raises
    ------
    ValueError
        If the inputs are not finite matrices of the same features, or `p` is below 1.

    References
    ----------
    Bonneel et al. (2011), Displacement interpolation using Lagrangian mass transport.

    Examples
    --------
    >>> import scgde
    >>> float(scgde.metrics.wasserstein([[0.0], [1.0]], [[3.0], [4.0]]))
    3.0
    """
    if not 1 <= p < np.inf:
        msg = f"`p` must be at least 1 and finite, got {p}."
        raise ValueError(msg)
    first, second = as_measures(x, y, x_weights, y_weights)
    import ot

    cost = cdist(first.x, second.x) ** p
    power = ot.emd2(first.weights, second.weights, cost, numItermax=MAX_ITERATIONS)
    return max(float(power), 0.0) ** (1 / p)
