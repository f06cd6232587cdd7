from __future__ import annotations

import numpy as np


def reliability(x: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Share of the variance of each column between sets that is not sampling noise.

    The variance between sets less the mean variance of the noise, which it contains, over the variance between sets:
    what is called reliability of a measurement, or its intraclass correlation. It is at least 0.

    Parameters
    ----------
    x
        One vector per set, shape ``(S, d)``.
    noise
        Variance of the sampling noise of each entry, squared standard errors, shape ``(S, d)`` or what broadcasts to
        it. NaN, the error of a set of one cell, is left out.

    Returns
    -------
    Shape ``(d,)``, from 0 to 1. 0 for a constant column, and 1 for one without noise.

    References
    ----------
    :cite:t:`Fuller87`, chapter 1.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> x = np.array([[-2.0], [2.0]])  # variance 4
    >>> stats.reliability(x, np.array([[1.0]])).tolist()
    [0.75]
    """
    variance = x.var(axis=0)
    signal = variance - np.nanmean(np.broadcast_to(noise, x.shape), axis=0)
    return np.divide(signal, variance, out=np.zeros(len(variance)), where=variance > 0).clip(0, 1)
