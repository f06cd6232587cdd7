from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

#: The assignment takes the cube of it.
MAX_CELLS = 800


def displaced(knots: list[np.ndarray], times: np.ndarray, *, n_cells: int, seed: int = 0) -> np.ndarray:
    """Displacement interpolation: each cell goes straight to its partner under optimal transport.

    Parameters
    ----------
    knots
        Cells ``(n, G)`` of each set that is passed, at equal times from 0 to 1.
    times
        When to look, shape ``(T,)``; before 0 and after 1 the lines are prolonged.
    n_cells
        Cells drawn from each set, at most 800; a smaller set gives each cell about equally often.
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
    place = times * (len(knots) - 1)
    part = np.clip(np.floor(place).astype(int), 0, len(knots) - 2)
    local = (place - part)[:, None, None]
    stacked = np.stack(drawn)
    return (1 - local) * stacked[part] + local * stacked[part + 1]
