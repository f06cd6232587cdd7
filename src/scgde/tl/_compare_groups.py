from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from scgde._checks import as_names, check_count, check_one_of, check_seed
from scgde._columns import classes, is_continuous
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde._progress import progress
from scgde.results import DistanceMatrix, set_column
from scgde.results._group_comparison import GroupComparison
from scgde.results._unseen import check_columns_unseen
from scgde.stats._multiple_testing import q_values
from scgde.stats._permanova import POWERS, inner_products, partition, residualize
from scgde.stats._permutation import arrangements, n_arrangements, p_value, shuffles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData

#: Up to so many arrangements of the labels, all of them are tried.
MAX_EXACT = 10_000


@checked_keywords
@shared_docs
def compare_groups(
    adata: AnnData,
    label_key: str,
    *,
    block_key: str | Sequence[str] | None = None,
    pair_key: str | None = None,
    statistic: str = "energy",
    metric: str = "embedding",
    n_permutations: int = 999,
    key: str | None = "gde",
    seed: int = 0,
) -> GroupComparison:
    """Permutation test of whether groups of sets differ: treated and untreated donors, cases and controls.

    The unit is the set. Labels are permuted over *sets*, never over cells: a thousand cells more of ten donors make no
    eleventh donor. Where there are few arrangements of the labels all of them are tried, and the p-value is exact.

    Parameters
    ----------
    adata
        A fitted AnnData, or one of sets.
    label_key
        Column with the group of each set: constant within sets. Sets without a value are left out.
    block_key
        Column or columns: labels are permuted within blocks only (batch, site), and differences between blocks are
        taken out of the statistic.
    pair_key
        Column of what was measured under several groups (the patient, for biopsies before and after). A block as well,
        and sets without a partner in another group are left out.
    statistic
        ``"energy"``: multi-sample energy, which finds any difference between the distributions of two groups of sets.
        ``"permanova"``: the same with squared distances, which looks for a difference between means.
    metric
        A distance of :func:`scgde.tl.distances`; computed where it was not before. With ``key=None``: ``"embedding"``
        for `X`, or an entry of ``obsm`` (Euclidean) or ``obsp`` (distances).
    n_permutations
        Random permutations, where there are more than 10,000 arrangements.
    key
        Name under which the fit was written. None: observations are sets, as :func:`scgde.get.sets` returns them.
    seed
        %(seed)s

    Returns
    -------
    The result. :func:`scgde.pl.groups` draws it.

    Raises
    ------
    KeyError
        If there is no fit or column.
    ValueError
        If there is one group only, the column varies within sets or is continuous, it does not vary in any block, or
        the embedding has learnt from it.

    References
    ----------
    :cite:t:`Rizzo10,Anderson01`; p-values by :cite:t:`Phipson10`.

    Examples
    --------
    >>> import scgde
    >>> result = scgde.tl.compare_groups(adata, "composition", block_key="batch", n_permutations=99)
    >>> 0 < result.p_value <= 1
    True
    """
    sets = DistanceMatrix.read(adata, metric, key)
    check_columns_unseen(adata, [label_key], metric, "label_key", key)
    return _compare(adata, sets, label_key, block_key, pair_key, statistic, n_permutations, key, seed)


@checked_keywords
def compare_all_groups(
    adata: AnnData,
    label_keys: Sequence[str],
    *,
    block_key: str | Sequence[str] | None = None,
    pair_key: str | None = None,
    statistic: str = "energy",
    metric: str = "embedding",
    n_permutations: int = 999,
    key: str | None = "gde",
    seed: int = 0,
) -> pd.DataFrame:
    """:func:`scgde.tl.compare_groups` for several columns, with the false discovery rate of :cite:t:`Benjamini95`.

    Parameters
    ----------
    adata
        A fitted AnnData, or one of sets.
    label_keys
        Columns with the group of each set.
    block_key, pair_key, statistic, metric, n_permutations, key, seed
        As in :func:`scgde.tl.compare_groups`.

    Returns
    -------
    One row per column: ``n_groups``, ``n_sets``, ``statistic``, ``effect_size``, ``p_value``, ``q_value``, ``exact``.

    Raises
    ------
    KeyError
        If there is no fit or column.
    ValueError
        As :func:`scgde.tl.compare_groups`.

    Examples
    --------
    >>> import scgde
    >>> table = scgde.tl.compare_all_groups(adata, ["composition", "shift"], block_key="batch", n_permutations=99)
    >>> table[["effect_size", "p_value", "q_value"]].shape
    (2, 3)
    """
    names, sets = as_names(label_keys), DistanceMatrix.read(adata, metric, key)
    check_columns_unseen(adata, names, metric, "label_keys", key)
    results = [
        _compare(adata, sets, name, block_key, pair_key, statistic, n_permutations, key, seed)
        for name in progress(names, "Compare", unit="column")
    ]
    rows = [
        {
            "n_groups": len(result.n_sets),
            "n_sets": sum(result.n_sets.values()),
            "statistic": result.statistic,
            "effect_size": result.effect_size,
            "p_value": result.p_value,
            "exact": result.exact,
        }
        for result in results
    ]
    table = pd.DataFrame(rows, index=pd.Index(names, name="label_key"))
    table.insert(5, "q_value", q_values(table["p_value"].to_numpy()))
    return table


def _compare(
    adata: AnnData,
    sets: DistanceMatrix,
    label_key: str,
    block_key: str | Sequence[str] | None,
    pair_key: str | None,
    statistic: str,
    n_permutations: int,
    key: str | None,
    seed: int,
) -> GroupComparison:
    power = POWERS[check_one_of(statistic, "statistic", list(POWERS))]
    n_permutations, rng = check_count(n_permutations, "n_permutations"), check_seed(seed)
    groups = _groups(adata, label_key, as_names(block_key), pair_key, key)
    included = np.flatnonzero(groups.codes >= 0)
    codes, strata = groups.codes[included], np.unique(groups.strata[included], return_inverse=True)[1]
    _check_something_to_permute(codes, strata, label_key, groups.names)
    exact = n_arrangements(codes, strata) <= MAX_EXACT
    permutations = arrangements(codes, strata) if exact else shuffles(strata, n_permutations, rng)
    inner, nuisance = inner_products(sets.distances[np.ix_(included, included)], power=power), _one_hot(strata)
    result = partition(inner, _one_hot(codes), nuisance, permutations)
    return GroupComparison(
        result.statistic,
        p_value(result.statistic, result.null, exact=exact),
        result.adjusted_r2,
        len(permutations),
        exact,
        dict(zip(groups.names, np.bincount(codes, minlength=len(groups.names)).tolist(), strict=True)),
        len(sets.table) - len(included),
        result.null,
        _coordinates(
            residualize(inner, nuisance), sets.table.index[included], groups, included, paired=pair_key is not None
        ),
        label_key,
    )


class _Groups(NamedTuple):
    """Group and stratum of each set, -1 for a set that is left out; and the names of the groups."""

    codes: np.ndarray
    strata: np.ndarray
    names: list[str]


def _groups(adata: AnnData, label_key: str, blocks: list[str], pair_key: str | None, key: str | None) -> _Groups:
    column = set_column(adata, label_key, "label_key", key)
    if is_continuous(column):
        msg = (
            f"`label_key` must name groups, but {label_key!r} has amounts. Use `tl.associate`, or make it categorical."
        )
        raise ValueError(msg)
    codes, names = classes(column)
    columns = [set_column(adata, name, "block_key", key) for name in blocks]
    columns += [] if pair_key is None else [set_column(adata, pair_key, "pair_key", key)]
    strata = _combined([classes(values)[0] for values in columns], len(codes))
    codes = np.where(strata < 0, -1, codes)
    if pair_key is not None:
        codes = np.where(_n_groups(codes, strata)[strata] > 1, codes, -1)
    present = np.unique(codes[codes >= 0])
    return _Groups(np.where(codes < 0, -1, np.searchsorted(present, codes)), strata, [names[i] for i in present])


def _combined(columns: list[np.ndarray], n: int) -> np.ndarray:
    """One code per combination of values, -1 where one is missing."""
    if not columns:
        return np.zeros(n, dtype=np.int64)
    rows = np.stack(columns, axis=1)
    return np.where((rows < 0).any(axis=1), -1, np.unique(rows, axis=0, return_inverse=True)[1].ravel())


def _n_groups(codes: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """In each stratum."""
    pairs = np.unique(np.stack([strata, codes])[:, codes >= 0], axis=1)
    return np.bincount(pairs[0], minlength=strata.max() + 1)


def _check_something_to_permute(codes: np.ndarray, strata: np.ndarray, label_key: str, names: list[str]) -> None:
    if len(names) < 2:
        msg = f"`label_key` must give two groups or more, but the sets that are left of {label_key!r} give {names}."
        raise ValueError(msg)
    if n_arrangements(codes, strata) == 1:
        msg = (
            f"`label_key` must vary within `block_key` and `pair_key`, but {label_key!r} is constant in "
            f"{strata.max() + 1}. Where a donor has several sets of one label, fit with the donors as sets."
        )
        raise ValueError(msg)


def _one_hot(codes: np.ndarray) -> np.ndarray:
    return np.eye(codes.max() + 1)[codes]


def _coordinates(
    residual: np.ndarray, index: pd.Index, groups: _Groups, included: np.ndarray, *, paired: bool
) -> pd.DataFrame:
    squares, axes = np.linalg.eigh(residual)
    points = (axes * np.sqrt(squares.clip(0)))[:, ::-1]
    group = pd.Categorical.from_codes(groups.codes[included], pd.Index(groups.names))
    columns = {"x": points[:, 0], "y": points[:, 1], "group": group}
    table = pd.DataFrame(columns | ({"pair": groups.strata[included]} if paired else {}), index=index)
    shares = squares.clip(0)[::-1] / max(squares.clip(0).sum(), 1e-300)
    table.attrs["explained"] = tuple(shares[:2].tolist())
    return table
