"""Pairs of sets, a source and a target each: consecutive times of one group, or pairs that a user names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from scgde import _keys
from scgde.sets._columns import SEPARATOR, as_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

SOURCE, TARGET, TIME_FROM, TIME_TO, GROUP = "source", "target", "time_from", "time_to", "group"
#: Columns of a table of pairs that are no covariates.
ENDS = (SOURCE, TARGET, GROUP, _keys.SPLIT)
PERTURBATION, CONTEXT, CONTROL, DOSE = "perturbation", "context", "control", "dose"
#: Columns that :func:`scgde.pp.perturbation_pairs` adds, the first of them always.
OF_PERTURBATIONS = (PERTURBATION, CONTEXT, CONTROL, DOSE)


def consecutive_pairs(table: pd.DataFrame, columns: Sequence[str], times: np.ndarray) -> pd.DataFrame:
    """Pairs of sets of one group at times that follow each other.

    Parameters
    ----------
    table
        One row per set.
    columns
        Columns that name the group.
    times
        Time of each set, shape ``(S,)``.

    Returns
    -------
    Columns ``source`` and ``target``, names of sets, ``group``, ``time_from`` and ``time_to``.
    """
    group = table.groupby(list(columns), observed=True, sort=False).ngroup().to_numpy()
    order = np.lexsort((times, group))
    same = group[order][1:] == group[order][:-1]
    source, target = order[:-1][same], order[1:][same]
    return pd.DataFrame(
        {
            SOURCE: table.index[source],
            TARGET: table.index[target],
            GROUP: _group_names(table.iloc[source], columns),
            TIME_FROM: times[source],
            TIME_TO: times[target],
        }
    )


def named_pairs(pairs: ArrayLike | pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Pairs that a user names, as :func:`consecutive_pairs` gives them but without times.

    The group of a pair are all pairs that it is linked to by sets in common; of pairs that name a perturbation, all
    of that perturbation. Of the columns of :func:`scgde.pp.perturbation_pairs` none is lost.

    Raises
    ------
    KeyError
        If there is no set of a name.
    ValueError
        If the shape is not ``(n, 2)``, there are none, or a set is paired with itself.
    """
    columns = [SOURCE, TARGET]
    known = pd.DataFrame()
    if isinstance(pairs, pd.DataFrame) and set(columns) <= set(pairs):
        known = pairs[[name for name in OF_PERTURBATIONS if PERTURBATION in pairs and name in pairs]]
        pairs = pairs[columns]
    index = pair_indices(pairs, table.index)
    if len(index) == 0:
        msg = "`pairs` must name a source and a target each, shape (n, 2), got none."
        raise ValueError(msg)
    source, target = table.index[index.T[0]], table.index[index.T[1]]
    group = known[PERTURBATION] if PERTURBATION in known else _linked_names(index, table.index)
    ends = pd.DataFrame({SOURCE: source, TARGET: target, GROUP: np.asarray(group, dtype=object)}, dtype=object)
    return ends.assign(**{str(name): known[name].to_numpy() for name in known})


def pair_indices(pairs: ArrayLike | None, names: pd.Index) -> np.ndarray:
    """Row of source and target of named pairs among ``names``, shape ``(n, 2)``; no rows for None.

    Raises
    ------
    KeyError
        If there is no set of a name.
    ValueError
        If the shape is not ``(n, 2)``, a pair comes twice, or a set is paired with itself.
    """
    ends = np.empty((0, 2), dtype=object) if pairs is None else np.asarray(pairs, dtype=object)
    if ends.ndim != 2 or ends.shape[1] != 2:
        msg = f"`pairs` must name a source and a target each, shape (n, 2), got shape {ends.shape}."
        raise ValueError(msg)
    index = names.get_indexer_for(pd.Index(ends.ravel(), dtype=object)).reshape(-1, 2)
    if (index < 0).any():
        unknown = list(dict.fromkeys(ends[index < 0].tolist()))
        msg = f"`pairs` must name sets, got {unknown[:5]}. Some sets: {names[:5].tolist()}."
        raise KeyError(msg)
    repeated = pd.DataFrame(index).duplicated().to_numpy()
    if repeated.any():
        msg = (
            f"`pairs` must name each pair once, got {ends[repeated][0].tolist()} again. "
            "To draw a pair more often, give it a weight."
        )
        raise ValueError(msg)
    alone = index[:, 0] == index[:, 1]
    if alone.any():
        msg = f"`pairs` must be of two sets each, got {ends[alone][0, 0]!r} with itself."
        raise ValueError(msg)
    return index


def check_pair_weights(weights: ArrayLike | None, n_pairs: int) -> np.ndarray:
    """Positive weight of each pair, equal ones for None, shape ``(n_pairs,)``."""
    values = np.ones(n_pairs) if weights is None else np.asarray(weights, dtype=float)
    if values.shape != (n_pairs,) or not (np.isfinite(values) & (values > 0)).all():
        msg = f"`pair_weights` must be a positive number for each of {n_pairs} pairs, got {weights!r}."
        raise ValueError(msg)
    return values


def linked_groups(links: np.ndarray, n_sets: int) -> np.ndarray:
    """Group of each set, those that links ``(n, 2)`` join in one, shape ``(n_sets,)``."""
    matrix = coo_matrix((np.ones(len(links)), tuple(links.T)), shape=(n_sets, n_sets))
    return connected_components(matrix, directed=False)[1]


def covariate_names(pairs: pd.DataFrame) -> list[str]:
    """Columns of a table of pairs that describe the target: its time, and covariates."""
    others = {*ENDS, *(OF_PERTURBATIONS if PERTURBATION in pairs else ())}
    return [str(name) for name in pairs if name not in others]


def _linked_names(index: np.ndarray, names: pd.Index) -> np.ndarray:
    """Group of each pair ``(n, 2)``: those that sets in common link, named after the first set of each."""
    component = linked_groups(index, len(names))
    first = pd.Series(names).groupby(component).first().to_numpy()
    return first[component[index[:, 0]]]


def _group_names(table: pd.DataFrame, columns: Sequence[str]) -> np.ndarray:
    names = [as_text(table[column]) for column in columns]
    return np.array([SEPARATOR.join(parts) for parts in zip(*names, strict=True)], dtype=object)
