from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from scgde import _keys
from scgde._checks import check_count, check_fraction, check_set_table
from scgde.tl._hotelling import hotelling

if TYPE_CHECKING:
    from anndata import AnnData

#: Cells of the smaller set per tested axis; with fewer, the F approximation rejects too often.
CELLS_PER_COMPONENT = 10
#: Share of the variance that the tested axes hold, where there are cells enough.
SHARE = 0.95
#: An embedding is stored with this relative precision.
_PRECISION = 1e-6
_PAIRS_PER_BATCH = 4096


class SetComparison(NamedTuple):
    """Test of whether two sets are draws from one population.

    Attributes
    ----------
    statistic
        Hotelling's T squared of the difference along the tested axes.
    df
        Degrees of freedom of F: the number of tested axes, and those of the estimated covariance.
    p_value
        Probability of so large a statistic were the populations the same.
    difference
        Embedding of ``a`` minus that of ``b``, shape ``(E,)``.
    covariance
        Of the difference, shape ``(E, E)``.
    directions
        The tested axes, shape ``(E, k)``.
    note
        Why there is no test, where there is none; else empty.
    """

    statistic: float
    df: tuple[int, float]
    p_value: float
    difference: np.ndarray
    covariance: np.ndarray
    directions: np.ndarray
    note: str

    def critical_value(self, level: float = 0.95) -> float:
        """T squared at the border of the confidence region of the difference along the tested axes."""
        k, df = self.df
        return float(stats.f.ppf(check_fraction(level, "level"), k, df) * k * (df + k - 1) / df)


def compare_sets(adata: AnnData, a: str, b: str, *, n_components: int | None = None, key: str = "gde") -> SetComparison:
    """Wald test of the difference between the embeddings of two sets.

    Both embeddings are taken for normal, with the covariances that :func:`uncertainty` wrote. Their difference is
    tested along the leading axes on which the *other* sets differ: the two play no part in the choice, so that the
    test keeps its level also where there are few sets, or where all are alike. T squared is referred to F, with the
    degrees of freedom of two covariances estimated apart, and not to chi squared, which rejects too often below
    some hundred cells.

    Parameters
    ----------
    adata
        With :func:`uncertainty` run.
    a, b
        Names of sets.
    n_components
        Axes to test along. By default those with 95 % of the variance. There are never more than one for every ten
        cells of the smaller set, at least one.
    key
        Name under which the fit was written.

    Returns
    -------
    Statistic, degrees of freedom, p-value, difference, its covariance and the axes. A set of one cell has no
    standard error: then statistic and p-value are NaN, and ``note`` says so.

    Raises
    ------
    KeyError
        If there is no set of that name, or no uncertainty.
    ValueError
        If `a` is `b`.

    References
    ----------
    :cite:t:`Krishnamoorthy04`.
    """
    stored = _stored(adata, key, n_components)
    place = stored.places(a, b)
    axes, result = stored.compare(*place[:, None])
    k = int(result.k[0])
    return SetComparison(
        float(result.statistic[0]),
        (k, float(result.df[0])),
        float(result.p_value[0]),
        stored.embedding[place[0]] - stored.embedding[place[1]],
        stored.covariance[place].sum(axis=0),
        axes[0, :, :k],
        stored.note(place),
    )


def compare_all_sets(adata: AnnData, *, n_components: int | None = None, key: str = "gde") -> pd.DataFrame:
    """:func:`compare_sets` for all pairs, with the false discovery rate of Benjamini and Hochberg.

    Parameters
    ----------
    adata
        With :func:`uncertainty` run.
    n_components
        Axes to test along, as in :func:`compare_sets`.
    key
        Name under which the fit was written.

    Returns
    -------
    One row per pair: ``a``, ``b``, ``n_components``, ``statistic``, ``df``, ``p_value`` and ``q_value``, NaN where a
    set has one cell.

    Raises
    ------
    KeyError
        If there is no uncertainty.
    """
    stored = _stored(adata, key, n_components)
    first, second = np.triu_indices(len(stored.names), 1)
    batches = range(0, len(first), _PAIRS_PER_BATCH)
    parts = [stored.compare(*(i[start : start + _PAIRS_PER_BATCH] for i in (first, second)))[1] for start in batches]
    k, statistic, df, p_value = (np.concatenate(column) for column in zip(*parts, strict=True))
    tested = np.isfinite(p_value)
    q_value = np.full(len(p_value), np.nan)
    q_value[tested] = stats.false_discovery_control(p_value[tested])
    columns = {"a": stored.names[first], "b": stored.names[second], "n_components": k}
    return pd.DataFrame(columns | {"statistic": statistic, "df": df, "p_value": p_value, "q_value": q_value})


class _Result(NamedTuple):
    """One entry per pair."""

    k: np.ndarray
    statistic: np.ndarray
    df: np.ndarray
    p_value: np.ndarray


class _Stored(NamedTuple):
    names: pd.Index
    n_cells: np.ndarray
    embedding: np.ndarray
    covariance: np.ndarray
    n_components: int

    def places(self, a: str, b: str) -> np.ndarray:
        place = self.names.get_indexer([a, b])
        if (place < 0).any():
            missing = [name for name, i in zip((a, b), place, strict=True) if i < 0]
            msg = f"`a` and `b` must name fitted sets, got {missing}. Some sets: {self.names[:5].tolist()}."
            raise KeyError(msg)
        if place[0] == place[1]:
            msg = f"`a` and `b` must be two sets, got {a!r} twice."
            raise ValueError(msg)
        return place

    def note(self, place: np.ndarray) -> str:
        alone = self.names[place][self.n_cells[place] < 2].tolist()
        return f"No test: {alone} has one cell, and no standard error." if alone else ""

    def compare(self, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, _Result]:
        """Axes ``(P, E, E)``, leading ones first, and tests of pairs along as many of them as is right."""
        axes, k = self._axes(a, b)
        difference = np.einsum("pek,pe->pk", axes, self.embedding[a] - self.embedding[b])
        covariance = np.stack([axes.swapaxes(1, 2) @ self.covariance[i] @ axes for i in (a, b)])
        tests = np.empty((3, len(a)))
        for n in np.unique(k):
            pairs = k == n
            n_cells = np.stack([self.n_cells[i[pairs]] for i in (a, b)])
            tests[:, pairs] = hotelling(difference[pairs, :n], covariance[:, pairs, :n, :n], n_cells)
        return axes, _Result(k, *tests)

    def _axes(self, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Principal axes of the sets other than ``a`` and ``b``, and how many of them to test along."""
        z = self.embedding - self.embedding.mean(axis=0)
        outer = np.einsum("se,sf->sef", z, z)
        mean = -(z[a] + z[b]) / max(len(z) - 2, 1)
        scatter = outer.sum(axis=0) - outer[a] - outer[b] - max(len(z) - 2, 1) * np.einsum("pe,pf->pef", mean, mean)
        variance, axes = np.linalg.eigh(scatter + self._noise())
        share = np.cumsum(variance[:, ::-1].clip(0), axis=1)
        enough = 1 + (share < SHARE * share[:, -1:]).sum(axis=1)
        affordable = np.maximum(np.minimum(self.n_cells[a], self.n_cells[b]) // CELLS_PER_COMPONENT, 1)
        chosen = np.full(len(a), self.n_components) if self.n_components else enough
        return axes[:, :, ::-1], np.minimum(np.minimum(chosen, affordable), z.shape[1])

    def _noise(self) -> np.ndarray:
        """Mean covariance of an embedding: counts as one more set, and decides where there are no others."""
        known = np.isfinite(self.covariance).all(axis=(1, 2))
        return self.covariance[known].mean(axis=0) if known.any() else np.zeros(self.covariance.shape[1:])


def _stored(adata: AnnData, key: str, n_components: int | None) -> _Stored:
    check_set_table(adata.uns, key, entry=_keys.COVARIANCE, made_by="scgde.tl.uncertainty")
    content = adata.uns[key]
    names = content[_keys.SETS].index
    n_cells = content[_keys.SETS][_keys.N_CELLS].to_numpy()
    embedding, covariance = (np.asarray(content[name], dtype=float) for name in (_keys.EMBEDDING, _keys.COVARIANCE))
    # What single precision cannot tell is no difference, also between sets whose covariance is singular or zero.
    spread = np.einsum("sii->s", covariance) / covariance.shape[1]
    unseen = _PRECISION * spread + (_PRECISION * np.abs(embedding).max()) ** 2
    covariance = covariance + unseen[:, None, None] * np.eye(covariance.shape[1])
    limit = 0 if n_components is None else check_count(n_components, "n_components")
    return _Stored(names, n_cells, embedding, covariance, limit)
