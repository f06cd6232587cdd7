from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from scgde._checks import check_count, check_fraction, check_sets
from scgde._docs import shared_docs
from scgde.results import SetCovariances
from scgde.stats._hotelling import hotelling, separate_df
from scgde.stats._multiple_testing import q_values

if TYPE_CHECKING:
    from anndata import AnnData

#: Cells of the smaller set per tested axis; with fewer, its embedding is not normal enough.
CELLS_PER_COMPONENT = 10
#: Cells per squared number of tested axes, of ``1 / |1 / n_a - 1 / n_b|`` cells: where sizes are equal, skewness and
#: bias of the two cancel.
UNEVEN_CELLS_PER_SQUARE = 13
#: Share of the variance that the tested axes hold, where there are cells enough.
SHARE = 0.95
_PAIRS_PER_BATCH = 4096


class SetComparison(NamedTuple):
    """Test of whether two sets are draws from one population.

    Attributes
    ----------
    statistic
        Hotelling's T squared of the difference along the tested axes.
    df
        Degrees of freedom of F: the number of tested axes, and those of the covariance.
    p_value
        Probability of so large a statistic were the populations the same.
    difference
        Embedding of ``a`` minus that of ``b``, shape ``(E,)``.
    covariance
        Of the difference, whether or not the populations are the same, shape ``(E, E)``.
    directions
        The tested axes, shape ``(E, k)``.
    df_region
        Degrees of freedom of ``covariance`` along them, for :meth:`radius`.
    note
        Why there is no test, where there is none; else empty.
    """

    statistic: float
    df: tuple[int, float]
    p_value: float
    difference: np.ndarray
    covariance: np.ndarray
    directions: np.ndarray
    df_region: float
    note: str

    def radius(self, level: float = 0.95) -> float:
        """Of the confidence region of the difference along the tested axes, in standard deviations.

        The region is the ellipsoid around ``directions.T @ difference`` with the shape of ``covariance`` in these
        directions. The test pools the two covariances, as it may where the populations are the same; the region
        does not, so that the two need not agree at the border.
        """
        k, nu = self.df[0], self.df_region
        df = nu - k + 1
        return float(np.sqrt(stats.f.ppf(check_fraction(level, "level"), k, df) * nu * k / df))


@shared_docs
def compare_sets(adata: AnnData, a: str, b: str, *, n_components: int | None = None, key: str = "gde") -> SetComparison:
    """Wald test of the difference between the embeddings of two sets: are they draws from one population?

    Both embeddings are taken for normal, with the covariances that :func:`uncertainty` wrote, pooled as those of one
    population. Their difference is tested along the leading axes on which the *other* sets differ: the two play no
    part in the choice, so that the test keeps its level also where there are few sets, or where all are alike.

    For two donors this asks whether their cells differ by more than chance, which with cells enough they always do.
    Whether *groups* of donors differ is another question, to be asked of donors and not of cells.

    Parameters
    ----------
    adata
        With :func:`uncertainty` run.
    a, b
        Names of sets.
    n_components
        Axes to test along. By default those with 95 % of the variance. There are never more than one for every ten
        cells of the smaller set, nor more than the root of a thirteenth of ``1 / |1 / n_a - 1 / n_b|``, which is about
        the cells of the smaller set where the other is much larger; and at least one.
    key
        %(key)s

    Returns
    -------
    Statistic, degrees of freedom, p-value, difference, its covariance and the axes. A set of one cell has no
    standard error: then statistic and p-value are NaN, and ``note`` says so.

    Raises
    ------
    KeyError
        If there is no set of that name, or no uncertainty.
    ValueError
        If `a` is `b`, or the uncertainty is that of finite populations, of which no two are the same.

    References
    ----------
    :cite:t:`Hotelling31`; the region by :cite:t:`Krishnamoorthy04`.
    """
    tests = _Tests.of(adata, key, n_components)
    sets, pair = tests.sets, tests.pair(a, b)
    axes, result = tests.compare(*pair[:, None])
    k = int(result.k[0])
    axes = axes[0, :, :k]
    return SetComparison(
        float(result.statistic[0]),
        (k, float(result.df[0])),
        float(result.p_value[0]),
        sets.embedding[pair[0]] - sets.embedding[pair[1]],
        sets.covariance[pair].sum(axis=0),
        axes,
        separate_df(axes.T @ sets.covariance[pair] @ axes, sets.n_cells[pair]),
        tests.note(pair),
    )


@shared_docs
def compare_all_sets(adata: AnnData, *, n_components: int | None = None, key: str = "gde") -> pd.DataFrame:
    """:func:`compare_sets` for all pairs, with the false discovery rate of :cite:t:`Benjamini95`.

    Parameters
    ----------
    adata
        With :func:`uncertainty` run.
    n_components
        Axes to test along, as in :func:`compare_sets`.
    key
        %(key)s

    Returns
    -------
    One row per pair: ``a``, ``b``, ``n_components``, ``statistic``, ``df``, ``p_value`` and ``q_value``, NaN where a
    set has one cell.

    Raises
    ------
    KeyError
        If there is no uncertainty.
    ValueError
        If it is that of finite populations, or there are fewer than two sets.
    """
    tests = _Tests.of(adata, key, n_components)
    names = tests.sets.names
    if len(names) < 2:
        msg = f"Two sets or more are required, got {names.tolist()}."
        raise ValueError(msg)
    first, second = np.triu_indices(len(names), 1)
    batches = range(0, len(first), _PAIRS_PER_BATCH)
    parts = [tests.compare(*(i[start : start + _PAIRS_PER_BATCH] for i in (first, second)))[1] for start in batches]
    k, statistic, df, p_value = (np.concatenate(column) for column in zip(*parts, strict=True))
    columns = {"a": names[first], "b": names[second], "n_components": k}
    return pd.DataFrame(columns | {"statistic": statistic, "df": df, "p_value": p_value, "q_value": q_values(p_value)})


class _Result(NamedTuple):
    """One entry per pair."""

    k: np.ndarray
    statistic: np.ndarray
    df: np.ndarray
    p_value: np.ndarray


class _Tests(NamedTuple):
    """Tests of pairs of sets, along at most ``n_components`` axes; 0 for as many as the variance asks for."""

    sets: SetCovariances
    n_components: int

    @classmethod
    def of(cls, adata: AnnData, key: str, n_components: int | None) -> _Tests:
        limit = 0 if n_components is None else check_count(n_components, "n_components")
        return cls(SetCovariances.read(adata, key), limit)

    def pair(self, a: str, b: str) -> np.ndarray:
        """Rows of two sets."""
        rows = check_sets(self.sets.names, [a, b], "`a` and `b`")
        if rows[0] == rows[1]:
            msg = f"`a` and `b` must be two sets, got {a!r} twice."
            raise ValueError(msg)
        return rows

    def note(self, pair: np.ndarray) -> str:
        """Why there is no test, where there is none."""
        alone = self.sets.names[pair][self.sets.n_cells[pair] < 2].tolist()
        return f"No test: {alone} has one cell, and no standard error." if alone else ""

    def compare(self, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, _Result]:
        """Axes ``(P, E, E)``, leading ones first, and tests of pairs along as many of them as is right."""
        axes, k = self._axes(a, b)
        difference = np.einsum("pek,pe->pk", axes, self.sets.embedding[a] - self.sets.embedding[b])
        covariance = np.stack([axes.swapaxes(1, 2) @ self.sets.covariance[i] @ axes for i in (a, b)])
        tests = np.empty((3, len(a)))
        for n in np.unique(k):
            pairs = k == n
            n_cells = np.stack([self.sets.n_cells[i[pairs]] for i in (a, b)])
            tests[:, pairs] = hotelling(difference[pairs, :n], covariance[:, pairs, :n, :n], n_cells)
        return axes, _Result(k, *tests)

    def _axes(self, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Principal axes of the sets other than ``a`` and ``b``, and how many of them to test along."""
        # The scatter of the other S - 2 sets, of all pairs at once: sum z z' without two terms, about its own mean m,
        # sum_i z_i z_i' - z_a z_a' - z_b z_b' - (S - 2) m m', where m = -(z_a + z_b) / (S - 2) as the sum of all is 0.
        z = self.sets.embedding - self.sets.embedding.mean(axis=0)
        outer = np.einsum("se,sf->sef", z, z)
        mean = -(z[a] + z[b]) / max(len(z) - 2, 1)
        scatter = outer.sum(axis=0) - outer[a] - outer[b] - max(len(z) - 2, 1) * np.einsum("pe,pf->pef", mean, mean)
        # `eigh` sorts upwards: reversed, the leading axis is first.
        variance, axes = np.linalg.eigh(scatter + self._noise())
        share = np.cumsum(variance[:, ::-1].clip(0), axis=1)
        enough = 1 + (share < SHARE * share[:, -1:]).sum(axis=1)
        chosen = np.full(len(a), self.n_components) if self.n_components else enough
        most = max_components(self.sets.n_cells[a], self.sets.n_cells[b])
        return axes[:, :, ::-1], np.minimum(chosen, most).clip(1, z.shape[1])

    def _noise(self) -> np.ndarray:
        """Mean covariance of an embedding: counts as one more set, and decides where there are no others."""
        known = np.isfinite(self.sets.covariance).all(axis=(1, 2))
        return self.sets.covariance[known].mean(axis=0) if known.any() else np.zeros(self.sets.covariance.shape[1:])


def max_components(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Most axes that two sets with ``a`` and ``b`` cells ``(P,)`` can be tested along, shape ``(P,)``."""
    uneven = a * b / np.maximum(np.abs(b - a), 1e-9)
    return np.minimum(np.minimum(a, b) / CELLS_PER_COMPONENT, np.sqrt(uneven / UNEVEN_CELLS_PER_SQUARE)).astype(int)
