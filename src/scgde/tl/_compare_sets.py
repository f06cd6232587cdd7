from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from scgde._checks import check_count, check_sets
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde._progress import progress
from scgde.results import SetCovariances
from scgde.results._set_comparison import SetComparison
from scgde.sets._set_groups import name_of_set
from scgde.stats._axes_without import AxesWithout
from scgde.stats._hotelling import Hotelling, hotelling, separate_df
from scgde.stats._multiple_testing import q_values

if TYPE_CHECKING:
    from anndata import AnnData

    from scgde._types import SetLike

#: Cells of the smaller set per tested axis; with fewer, its embedding is not normal enough.
CELLS_PER_COMPONENT = 10
#: Cells per squared number of tested axes, of ``1 / |1 / n_a - 1 / n_b|`` cells: where sizes are equal, skewness and
#: bias of the two cancel.
UNEVEN_CELLS_PER_SQUARE = 13
#: Share of the variance that the tested axes hold, where there are cells enough.
SHARE = 0.95


@checked_keywords
@shared_docs
def compare_sets(
    adata: AnnData, a: SetLike, b: SetLike, *, n_components: int | None = None, key: str = "gde"
) -> SetComparison:
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
        Two sets: a name, or values that one set has, ``{"clone": "clone_7", "day": 2}``.
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
        If `a` is `b`, several sets have the values, or the uncertainty is that of finite populations, of which no two
        are the same.

    References
    ----------
    :cite:t:`Hotelling31`; the region by :cite:t:`Krishnamoorthy04`.

    Examples
    --------
    >>> import scgde
    >>> scgde.tl.uncertainty(adata)
    >>> result = scgde.tl.compare_sets(adata, "donor_00", "donor_01")
    >>> 0 <= result.p_value <= 1
    True
    """
    tests = _Tests.of(adata, key, n_components)
    a, b = (name_of_set(adata, one, "`a` and `b`", key) for one in (a, b))
    sets, pair = tests.sets, tests.pair(a, b)
    axes, result = tests.compare(pair)
    return SetComparison(
        float(result.statistic),
        (axes.shape[1], float(result.df)),
        float(result.p_value),
        sets.embedding[pair[0]] - sets.embedding[pair[1]],
        sets.covariance[pair].sum(axis=0),
        axes,
        separate_df(axes.T @ sets.covariance[pair] @ axes, sets.n_cells[pair]),
        tests.note(pair),
        (a, b),
    )


@checked_keywords
@shared_docs
def compare_all_sets(adata: AnnData, *, n_components: int | None = None, key: str = "gde") -> pd.DataFrame:
    """:func:`scgde.tl.compare_sets` for all pairs, with the false discovery rate of :cite:t:`Benjamini95`.

    Parameters
    ----------
    adata
        With :func:`uncertainty` run.
    n_components
        Axes to test along, as in :func:`scgde.tl.compare_sets`.
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

    Examples
    --------
    >>> import scgde
    >>> scgde.tl.uncertainty(adata)
    >>> scgde.tl.compare_all_sets(adata).columns.tolist()
    ['a', 'b', 'n_components', 'statistic', 'df', 'p_value', 'q_value']
    """
    tests = _Tests.of(adata, key, n_components)
    names = tests.sets.names
    if len(names) < 2:
        msg = f"Two sets or more are required, got {names.tolist()}."
        raise ValueError(msg)
    first, second = np.triu_indices(len(names), 1)
    k, statistic, df, p_value = tests.compare_all()
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

    def compare(self, pair: np.ndarray) -> tuple[np.ndarray, Hotelling]:
        """Axes ``(E, k)`` for a pair of rows, and the test along them."""
        others = np.delete(self.sets.embedding, pair, axis=0)
        deviation = others - others.mean(axis=0) if len(others) else others
        # `eigh` sorts upwards: reversed, the leading axis is first.
        variance, axes = np.linalg.eigh(deviation.T @ deviation + self._noise())
        share = np.cumsum(variance[::-1].clip(0))
        enough = 1 + int((share < SHARE * share[-1]).sum())
        k = min(self.n_components or enough, int(self._most(*pair[:, None])[0]))
        leading = axes[:, ::-1][:, :k]
        difference = (self.sets.embedding[pair[0]] - self.sets.embedding[pair[1]]) @ leading
        return leading, hotelling(difference, leading.T @ self.sets.covariance[pair] @ leading, self.sets.n_cells[pair])

    def compare_all(self) -> _Result:
        """Tests of all pairs, in the order of ``np.triu_indices``."""
        noise = self._noise()
        firsts = progress(range(len(self.sets.names) - 1), "Compare", unit="set")
        rows = [self._compare_with_later(a, noise) for a in firsts]
        return _Result(*(np.concatenate(column) for column in zip(*rows, strict=True)))

    def _compare_with_later(self, a: int, noise: np.ndarray) -> _Result:
        """Tests of a set with each set behind it."""
        b = np.arange(a + 1, len(self.sets.names))
        without = AxesWithout.of(np.delete(self.sets.embedding, a, axis=0), noise)
        removed = without.downdates(self.sets.embedding[b])
        most = self._most(np.full(len(b), a), b)
        leading = without.leading(removed, np.minimum(self.n_components, most) if self.n_components else most)
        k = np.minimum(self.n_components or leading.n_enough(SHARE), most)
        tests = np.empty((3, len(b)))
        for n in np.unique(k):
            of_n = np.flatnonzero(k == n)
            tests[:, of_n] = self._test(a, b[of_n], leading.axes[of_n, :, :n])
        return _Result(k, *tests)

    def _test(self, a: int, b: np.ndarray, axes: np.ndarray) -> Hotelling:
        """Tests of a set and others ``(P,)`` along axes ``(P, E, k)``."""
        sets, transposed = self.sets, axes.swapaxes(1, 2)
        difference = np.einsum("pke,pe->pk", transposed, sets.embedding[a] - sets.embedding[b])
        covariance = np.stack([transposed @ sets.covariance[i] @ axes for i in (a, b)])
        n_cells = np.stack([np.full(len(b), sets.n_cells[a]), sets.n_cells[b]])
        return hotelling(difference, covariance, n_cells)

    def _most(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Most axes that each pair can be tested along, at least 1, shape ``(P,)``."""
        most = max_components(self.sets.n_cells[a], self.sets.n_cells[b])
        return most.clip(1, self.sets.embedding.shape[1])

    def _noise(self) -> np.ndarray:
        """Mean covariance of an embedding: counts as one more set, and decides where there are no others."""
        known = np.isfinite(self.sets.covariance).all(axis=(1, 2))
        return self.sets.covariance[known].mean(axis=0) if known.any() else np.zeros(self.sets.covariance.shape[1:])


def max_components(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Most axes that two sets with ``a`` and ``b`` cells ``(P,)`` can be tested along, shape ``(P,)``."""
    uneven = a * b / np.maximum(np.abs(b - a), 1e-9)
    return np.minimum(np.minimum(a, b) / CELLS_PER_COMPONENT, np.sqrt(uneven / UNEVEN_CELLS_PER_SQUARE)).astype(int)
