from __future__ import annotations

import numpy as np
from scipy import stats


def q_values(p_values: np.ndarray) -> np.ndarray:
    """False discovery rates of :cite:t:`Benjamini95`, shape ``(n,)``; NaN p-values stay NaN and are not counted.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> stats.q_values(np.array([0.01, 0.04, np.nan])).tolist()
    [0.02, 0.04, nan]
    """
    q = np.full(len(p_values), np.nan)
    tested = np.isfinite(p_values)
    if tested.any():
        q[tested] = stats.false_discovery_control(p_values[tested])
    return q
