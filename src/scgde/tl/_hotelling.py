"""Difference of two means of unequal covariance: the test behind every comparison of two sets."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import stats


class Hotelling(NamedTuple):
    """Tests of one difference each.

    Attributes
    ----------
    statistic
        Hotelling's T squared, shape ``(...)``.
    df
        Denominator degrees of freedom of the F distribution that it is referred to, shape ``(...)``.
    p_value
        Shape ``(...)``.
    """

    statistic: np.ndarray
    df: np.ndarray
    p_value: np.ndarray


def hotelling(difference: np.ndarray, covariance: np.ndarray, n_cells: np.ndarray) -> Hotelling:
    """Test whether differences of two means are zero, where the two have covariances of their own.

    The sum of the two estimated covariances is taken for one Wishart matrix, whose degrees of freedom nu are those
    that give it the variance of the sum in the metric of the sum. In one dimension this is Welch's test; for equal
    covariances and counts it is the pooled one.

    Parameters
    ----------
    difference
        Shape ``(..., k)``.
    covariance
        Estimated, of the first and the second mean, shape ``(2, ..., k, k)``.
    n_cells
        Cells behind each covariance, more than ``k``, shape ``(2, ...)``.

    Returns
    -------
    NaN where a covariance is.

    References
    ----------
    :cite:t:`Krishnamoorthy04`, who make the solution of :cite:t:`Nel86` invariant under linear maps.
    """
    k = difference.shape[-1]
    known = np.isfinite(covariance).all(axis=(0, -2, -1))
    covariance = np.where(known[..., None, None], covariance, np.eye(k))
    total = covariance.sum(axis=0)
    statistic = np.einsum("...i,...i->...", difference, np.linalg.solve(total, difference[..., None])[..., 0])
    share = np.linalg.solve(total, covariance)
    trace = np.einsum("...ii->...", share)
    spread = (np.einsum("...ij,...ji->...", share, share) + trace**2) / np.maximum(n_cells - 1, 1)
    nu = (k + k**2) / spread.sum(axis=0)
    df = nu - k + 1
    p_value = stats.f.sf(statistic * df / (nu * k), k, df)
    return Hotelling(*(np.where(known, value, np.nan) for value in (statistic, df, p_value)))
