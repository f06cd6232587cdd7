"""Difference of two estimated means: the test behind every comparison of two sets."""

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
    """Test whether two sets are draws from one population.

    If they are, the influence of their cells has one covariance, and the two estimates of it are pooled. Else the
    covariance of a small set, which is large when its mean is far out, would stand alone beside that of a large one.

    Parameters
    ----------
    difference
        Of the two means, shape ``(..., k)``.
    covariance
        Estimated, of the first and the second mean, shape ``(2, ..., k, k)``.
    n_cells
        Cells behind each, at least two and together more than ``k + 1``, shape ``(2, ...)``.

    Returns
    -------
    NaN where a covariance is.

    References
    ----------
    :cite:t:`Hotelling31`.
    """
    k = difference.shape[-1]
    known = np.isfinite(covariance).all(axis=(0, -2, -1))
    covariance = np.where(known[..., None, None], covariance, np.eye(k))
    scatter = (covariance * (n_cells * (n_cells - 1))[..., None, None]).sum(axis=0)
    nu = np.where(known, n_cells.sum(axis=0) - 2, k)
    total = scatter * ((1 / n_cells).sum(axis=0) / nu)[..., None, None]
    total = np.where(known[..., None, None], total, np.eye(k))
    statistic = np.einsum("...i,...i->...", difference, np.linalg.solve(total, difference[..., None])[..., 0])
    df = nu - k + 1
    p_value = stats.f.sf(statistic * df / (nu * k), k, df)
    return Hotelling(*(np.where(known, value, np.nan) for value in (statistic, df, p_value)))


def separate_df(covariance: np.ndarray, n_cells: np.ndarray) -> float:
    """Degrees of freedom of the sum of two covariances estimated apart, taken for one Wishart matrix.

    They give that matrix the variance of the sum, in the metric of the sum. In one dimension these are Welch's, for
    equal covariances and counts the pooled ones.

    Parameters
    ----------
    covariance
        Of the two means, shape ``(2, k, k)``.
    n_cells
        Cells behind each, shape ``(2,)``.

    Returns
    -------
    NaN where a covariance is.

    References
    ----------
    :cite:t:`Krishnamoorthy04`, who make the solution of :cite:t:`Nel86` invariant under linear maps.
    """
    k = covariance.shape[-1]
    if not np.isfinite(covariance).all():
        return np.nan
    share = np.linalg.solve(covariance.sum(axis=0), covariance)
    trace = np.einsum("aii->a", share)
    spread = (np.einsum("aij,aji->a", share, share) + trace**2) / (n_cells - 1)
    return float((k + k**2) / spread.sum())
