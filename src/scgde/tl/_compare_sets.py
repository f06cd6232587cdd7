from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from scgde import _keys
from scgde._checks import check_set_table

if TYPE_CHECKING:
    from anndata import AnnData

#: Cells of the smaller set required per tested direction; below, the F approximation is too liberal.
CELLS_PER_COMPONENT = 10


class SetComparison(NamedTuple):
    """Test of whether two sets are draws from one population.

    Parameters
    ----------
    statistic
        Hotelling's T squared of the difference in the tested directions.
    df
        Degrees of freedom: tested directions, and effective cells.
    p_value
        Probability of so large a statistic were the populations the same.
    difference
        Embedding of ``a`` minus that of ``b``, shape ``(E,)``.
    covariance
        Of the difference, shape ``(E, E)``.
    directions
        The tested axes, shape ``(E, k)``.
    """

    statistic: float
    df: tuple[int, float]
    p_value: float
    difference: np.ndarray
    covariance: np.ndarray
    directions: np.ndarray


def compare_sets(adata: AnnData, a: str, b: str, *, n_components: int | None = None, key: str = "gde") -> SetComparison:
    """Wald test of the difference between the embeddings of two sets.

    The difference is taken along the leading principal axes of all embeddings, whose choice does not depend on
    the two. The statistic is referred to F with the degrees of freedom of two samples of unequal covariance,
    not to chi squared, which is too liberal below some hundred cells.

    Parameters
    ----------
    adata
        With ``scgde.tl.uncertainty`` run.
    a, b
        Names of sets.
    n_components
        Axes to test along. By default those with 95 % of the variance between sets, but no more than
        a tenth of the cells of the smaller set.
    key
        Name under which the fit was written.

    Returns
    -------
    Statistic, degrees of freedom, p-value, difference and its covariance. A set of one cell has no standard error:
    p-value and statistic are NaN.

    Raises
    ------
    KeyError
        If there is no set of that name, or no uncertainty.
    ValueError
        If ``n_components`` is no smaller than the cells.

    References
    ----------
    :cite:t:`Krishnamoorthy04`.
    """
    stored = _stored(adata, key)
    place = stored.places([a, b])
    axes = stored.axes(stored.n_cells[place].min(), n_components)
    return _compare(stored, *place, axes)


def compare_all_sets(adata: AnnData, *, n_components: int | None = None, key: str = "gde") -> pd.DataFrame:
    """:func:`compare_sets` for all pairs, with the false discovery rate of Benjamini and Hochberg.

    Parameters
    ----------
    adata
        With ``scgde.tl.uncertainty`` run.
    n_components
        Axes to test along, as in :func:`compare_sets`.
    key
        Name under which the fit was written.

    Returns
    -------
    One row per pair: ``a``, ``b``, ``statistic``, ``df``, ``p_value``, ``q_value``.
    """
    stored = _stored(adata, key)
    rows = []
    for i in range(len(stored.names)):
        for j in range(i + 1, len(stored.names)):
            axes = stored.axes(min(stored.n_cells[i], stored.n_cells[j]), n_components)
            result = _compare(stored, i, j, axes)
            pair = {"a": stored.names[i], "b": stored.names[j]}
            rows.append(pair | {"statistic": result.statistic, "df": result.df[0], "p_value": result.p_value})
    table = pd.DataFrame(rows, columns=["a", "b", "statistic", "df", "p_value"])
    tested = table["p_value"].notna()
    table["q_value"] = np.nan
    table.loc[tested, "q_value"] = stats.false_discovery_control(table.loc[tested, "p_value"])
    return table


class _Stored(NamedTuple):
    names: pd.Index
    n_cells: np.ndarray
    embedding: np.ndarray
    covariance: np.ndarray

    def places(self, names: list[str]) -> np.ndarray:
        place = self.names.get_indexer(names)
        if (place < 0).any():
            missing = [name for name, i in zip(names, place, strict=True) if i < 0]
            msg = f"`a` and `b` must name fitted sets, got {missing}. Some sets: {self.names[:5].tolist()}."
            raise KeyError(msg)
        return place

    def axes(self, n_cells: int, n_components: int | None) -> np.ndarray:
        """Leading principal axes of the embeddings of all sets, shape ``(E, k)``."""
        _, scale, axes = np.linalg.svd(self.embedding - self.embedding.mean(axis=0), full_matrices=False)
        if n_components is None:
            share = np.cumsum(scale**2) / max((scale**2).sum(), 1e-30)
            n_components = max(1, min(int(np.searchsorted(share, 0.95)) + 1, n_cells // CELLS_PER_COMPONENT))
        if not 1 <= n_components <= min(len(axes), max(n_cells - 1, 1)):
            msg = f"`n_components` must be from 1 to the cells of the smaller set less one ({n_cells - 1}), got {n_components}."
            raise ValueError(msg)
        return axes[:n_components].T


def _stored(adata: AnnData, key: str) -> _Stored:
    check_set_table(adata.uns, key, entry=_keys.COVARIANCE, made_by="scgde.tl.uncertainty")
    content = adata.uns[key]
    table = content[_keys.SETS]
    embedding, covariance = (np.asarray(content[name], dtype=float) for name in (_keys.EMBEDDING, _keys.COVARIANCE))
    return _Stored(table.index, table[_keys.N_CELLS].to_numpy(), embedding, covariance)


def _compare(stored: _Stored, a: int, b: int, axes: np.ndarray) -> SetComparison:
    difference = stored.embedding[a] - stored.embedding[b]
    parts = [axes.T @ stored.covariance[i] @ axes for i in (a, b)]
    statistic, df, p_value = hotelling(axes.T @ difference, parts, [stored.n_cells[i] for i in (a, b)])
    return SetComparison(statistic, df, p_value, difference, stored.covariance[a] + stored.covariance[b], axes)


def hotelling(
    difference: np.ndarray, covariances: list[np.ndarray], n_cells: list[int]
) -> tuple[float, tuple[int, float], float]:
    """T squared of a difference of two means with unequal covariances, its degrees of freedom and p-value.

    Parameters
    ----------
    difference
        Shape ``(k,)``.
    covariances
        Of each of the two means, shape ``(k, k)``.
    n_cells
        Behind each covariance.

    References
    ----------
    :cite:t:`Krishnamoorthy04`, eq. 12.
    """
    k = len(difference)
    total = covariances[0] + covariances[1]
    if not np.isfinite(total).all():
        return np.nan, (k, np.nan), np.nan
    inverse = np.linalg.pinv(total, hermitian=True)
    statistic = float(difference @ inverse @ difference)
    shares = [inverse @ part for part in covariances]
    spread = sum((np.trace(s @ s) + np.trace(s) ** 2) / max(n - 1, 1) for s, n in zip(shares, n_cells, strict=True))
    nu = (k + k**2) / max(spread, 1e-300)
    if nu <= k:
        return statistic, (k, nu), np.nan
    f = statistic * (nu - k + 1) / (nu * k)
    return statistic, (k, nu - k + 1), float(stats.f.sf(f, k, nu - k + 1))
