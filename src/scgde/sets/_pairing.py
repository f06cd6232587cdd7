"""Which sets belong together: consecutive times of one group, or pairs that a user names."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from scgde.sets._columns import labels
from scgde.sets._grouping import SEPARATOR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

SOURCE, TARGET, TIME_FROM, TIME_TO, GROUP = "source", "target", "time_from", "time_to", "group"


class TimeScale(NamedTuple):
    """Times as numbers.

    Parameters
    ----------
    names
        Labels of the times in their order; empty where times are numbers already.
    values
        Number of each of ``names``: that which the label spells, or its rank where it spells none.
    """

    names: list[str]
    values: list[float]

    @classmethod
    def of(cls, column: pd.Series) -> TimeScale:
        """TimeScale of a numeric or ordered column.

        Raises
        ------
        ValueError
            If it is neither.
        """
        if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
            return cls([], [])
        if isinstance(column.dtype, pd.CategoricalDtype):
            names = labels(pd.Series(column.cat.categories)).tolist()
            numbers = pd.to_numeric(pd.Series(names), errors="coerce").to_numpy(dtype=float)
            if np.isfinite(numbers).all():
                return cls(names, numbers.tolist())
            if column.cat.ordered:
                return cls(names, np.arange(len(names), dtype=float).tolist())
        msg = (
            f"`time_key` must name a numeric or ordered column, got {column.name!r} of type {column.dtype}. "
            f"Order its values, e.g. with `adata.obs[{column.name!r}].astype('category').cat.reorder_categories(...)`."
        )
        raise ValueError(msg)

    def read(self, column: pd.Series) -> np.ndarray:
        """Numbers of a column of times, NaN where missing."""
        codes, times = pd.factorize(column)
        return np.append([self.number(time) for time in times], np.nan)[codes]

    def number(self, time: object) -> float:
        """Number of one time.

        Raises
        ------
        ValueError
            If it is no time.
        """
        name = labels(pd.Series([time]))[0]
        if name in self.names:
            return self.values[self.names.index(name)]
        if isinstance(time, int | float | np.number):
            return float(time)
        msg = f"A time must be a number{f' or one of {self.names}' if self.names else ''}, got {time!r}."
        raise ValueError(msg)


def check_times(times: np.ndarray, time_key: str) -> None:
    """Require the times of all cells in a group: known, finite, and of two values at least."""
    n_bad = int((~np.isfinite(times)).sum())
    if n_bad:
        msg = (
            f"`adata.obs[{time_key!r}]` must hold a time for each cell of a group, got NaN or infinity in {n_bad} of "
            f"{len(times)} cells. Fill them in, or leave these cells out with `mask`."
        )
        raise ValueError(msg)
    found = np.unique(times)
    if len(found) < 2:
        msg = (
            f"`time_key` must have at least two times, got {found.tolist()} in {time_key!r}. "
            "Leave `time_key` out to fit sets without pairs."
        )
        raise ValueError(msg)


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

    The group of a pair are all pairs that it is linked to by sets in common.

    Raises
    ------
    KeyError
        If there is no set of a name.
    ValueError
        If the shape is not ``(n, 2)``, there are none, or a set is paired with itself.
    """
    columns = [SOURCE, TARGET]
    if isinstance(pairs, pd.DataFrame) and set(columns) <= set(pairs):
        pairs = pairs[columns]
    names = np.asarray(pairs, dtype=object)
    if names.ndim != 2 or names.shape[1] != 2 or len(names) == 0:
        msg = f"`pairs` must name a source and a target each, shape (n, 2), got shape {names.shape}."
        raise ValueError(msg)
    place = table.index.get_indexer_for(pd.Index(names.ravel())).reshape(-1, 2)
    if (place < 0).any():
        unknown = list(dict.fromkeys(names[place < 0].tolist()))
        msg = f"`pairs` must name sets, got {unknown[:5]}. Some sets: {table.index[:5].tolist()}."
        raise KeyError(msg)
    alone = place[:, 0] == place[:, 1]
    if alone.any():
        msg = f"`pairs` must be of two sets each, got {names[alone][0, 0]!r} with itself."
        raise ValueError(msg)
    links = coo_matrix((np.ones(len(place)), tuple(place.T)), shape=(len(table), len(table)))
    component = connected_components(links, directed=False)[1]
    # Named after the first set of each.
    first = pd.Series(table.index).groupby(component).first().to_numpy()
    return pd.DataFrame({SOURCE: names[:, 0], TARGET: names[:, 1], GROUP: first[component[place[:, 0]]]})


def _group_names(table: pd.DataFrame, columns: Sequence[str]) -> np.ndarray:
    names = [labels(table[column]) for column in columns]
    return np.array([SEPARATOR.join(parts) for parts in zip(*names, strict=True)], dtype=object)
