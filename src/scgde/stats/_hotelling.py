"""Hotelling's test of the difference of two estimated means."""

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
        Denominator degrees of freedom of its F distribution, shape ``(...)``.
    p_value
        Shape ``(...)``.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> covariances = np.stack([0.5 * np.eye(2), 0.5 * np.eye(2)])
    >>> result = stats.hotelling(np.array([3.0, 0.0]), covariances, np.array([50, 50]))
    >>> round(float(result.statistic), 6)
    9.0
    """

    statistic: np.ndarray
    df: np.ndarray
    p_value: np.ndarray


def hotelling(difference: np.ndarray, covariance: np.ndarray, n_cells: np.ndarray) -> Hotelling:
    """Test whether two sets are draws from one population.

    Under the null hypothesis the cells of both have one covariance, so the two estimates of it are pooled. Without
    pooling, the estimate of a small set would enter with its own error, which goes with the error of its mean.

    Parameters
    ----------
    difference
        Difference of the two means, shape ``(..., k)``.
    covariance
        Estimated covariances of the first and the second mean, shape ``(2, ..., k, k)``.
    n_cells
        Cells of each, at least two and together more than ``k + 1``, shape ``(2, ...)``.

    Returns
    -------
    Statistic, degrees of freedom and p-value; NaN where a covariance is NaN.

    References
    ----------
    :cite:t:`Hotelling31`.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> covariances = np.stack([0.5 * np.eye(2), 0.5 * np.eye(2)])
    >>> result = stats.hotelling(np.array([3.0, 0.0]), covariances, np.array([50, 50]))
    >>> round(float(result.statistic), 6)
    9.0
    """
    # A covariance of a mean, times n (n - 1), is the scatter of the cells. Pooled: S = (A_1 + A_2) / nu with
    # nu = n_1 + n_2 - 2. Then T^2 = d' [(1 / n_1 + 1 / n_2) S]^-1 d, and T^2 (nu - k + 1) / (nu k) ~ F(k, nu - k + 1).
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
    """Degrees of freedom of the sum of two covariances estimated separately, taken for one Wishart matrix.

    That Wishart matrix has the variance of the sum, in the metric of the sum. In one dimension the result is that of
    Welch, for equal covariances and counts that of the pooled test.

    Parameters
    ----------
    covariance
        Covariances of the two means, shape ``(2, k, k)``.
    n_cells
        Cells of each, shape ``(2,)``.

    Returns
    -------
    The degrees of freedom; NaN where a covariance is NaN.

    References
    ----------
    :cite:t:`Krishnamoorthy04`, who make the solution of :cite:t:`Nel86` invariant under linear maps.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> covariance = np.stack([np.eye(2), np.eye(2)])
    >>> float(stats.separate_df(covariance, np.array([50, 50])))
    98.0
    """
    k = covariance.shape[-1]
    if not np.isfinite(covariance).all():
        return np.nan
    # With R_a = (C_1 + C_2)^-1 C_a: nu = (k + k^2) / sum_a (tr R_a^2 + (tr R_a)^2) / (n_a - 1).
    share = np.linalg.solve(covariance.sum(axis=0), covariance)
    trace = np.einsum("aii->a", share)
    spread = (np.einsum("aij,aji->a", share, share) + trace**2) / (n_cells - 1)
    return float((k + k**2) / spread.sum())
