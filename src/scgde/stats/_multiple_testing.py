from __future__ import annotations

import numpy as np
from scipy import stats


def q_values(p_values: np.ndarray) -> np.ndarray:
    """False discovery rates of :cite:t:`Benjamini95`; NaN where there was no test, which then does not count."""
    q = np.full(len(p_values), np.nan)
    tested = np.isfinite(p_values)
    if tested.any():
        q[tested] = stats.false_discovery_control(p_values[tested])
    return q
