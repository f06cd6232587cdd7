from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

#: The time of the assignment grows with its cube.
MAX_CELLS = 800


def interpolate_by_displacement(
    knots: list[np.ndarray], times: np.ndarray, *, n_cells: int, seed: int = 0
) -> np.ndarray:
    """Displacement interpolation: each cell goes straight to its partner under optimal transport.

    Parameters
    ----------
    knots
        Cells ``(n, G)`` of each set on the path, at equally spaced times from 0 to 1.
    times
        Times of the result, shape ``(T,)``; before 0 and after 1 the lines are extrapolated.
    n_cells
        Cells drawn from each set, at most 800; from a smaller set, each cell about equally often.
    seed
        Of the draw.

    Returns
    -------
    Shape ``(T, n_cells, G)``.
    """
    rng, n_cells = np.random.default_rng(seed), min(n_cells, MAX_CELLS)
    drawn = [cells[np.resize(rng.permutation(len(cells)), n_cells)] for cells in knots]
    for i in range(1, len(drawn)):
        cost = cdist(drawn[i - 1], drawn[i], "sqeuclidean")
        drawn[i] = drawn[i][linear_sum_assignment(cost)[1]]
    position = times * (len(knots) - 1)
    segment = np.clip(np.floor(position).astype(int), 0, len(knots) - 2)
    share = (position - segment)[:, None, None]
    stacked = np.stack(drawn)
    return (1 - share) * stacked[segment] + share * stacked[segment + 1]
