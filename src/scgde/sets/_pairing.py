"""Which sets a transport is fitted on, and which of them are pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from scgde._checks import check_columns, check_groupby
from scgde._columns import as_names
from scgde.sets._columns import per_set_column
from scgde.sets._grouping import Grouping, group_cells
from scgde.sets._pairs import (
    GROUP,
    SOURCE,
    TARGET,
    TIME_FROM,
    TIME_TO,
    consecutive_pairs,
    linked_groups,
    named_pairs,
    pair_indices,
)
from scgde.sets._time_scale import TimeScale, check_times

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from scgde._types import GroupBy

    Mask = np.ndarray | pd.Series | Sequence[bool] | str | None


class Pairing(NamedTuple):
    """Sets and the pairs among them.

    Parameters
    ----------
    grouping
        The sets.
    pairs
        One row per pair: ``source``, ``target``, ``group``, ``time_from`` and ``time_to`` where there are times, and
        the covariates.
    groups
        Group of each set, shape ``(S,)``: the sets of one must not be divided by a split.
    columns
        The columns that name a set.
    time_scale
        How times become numbers, where there are times.
    """

    grouping: Grouping
    pairs: pd.DataFrame
    groups: np.ndarray
    columns: list[str]
    time_scale: TimeScale | None

    @property
    def links(self) -> np.ndarray:
        """Each set and the first of its group, as rows of the set table, shape ``(S, 2)``."""
        first = pd.Series(np.arange(len(self.groups))).groupby(self.groups).transform("first").to_numpy()
        return np.stack([first, np.arange(len(first))], axis=1)

    @property
    def ends(self) -> np.ndarray:
        """Row of source and target of each pair in the set table, shape ``(n, 2)``."""
        return pair_indices(self.pairs[[SOURCE, TARGET]], self.grouping.table.index)


def pair_sets(
    obs: pd.DataFrame,
    groupby: GroupBy,
    *,
    time_key: str | None,
    pairs: ArrayLike | pd.DataFrame | None,
    covariates: str | Sequence[str],
    mask: Mask,
    min_cells: int,
) -> Pairing:
    """Group the cells into sets, and pair these.

    Raises
    ------
    KeyError
        If a column or a set is missing.
    ValueError
        If both ``time_key`` and ``pairs`` are given, times are not numbers or ordered, some are missing or there is
        one only, there are fewer than two sets, or a covariate is no number or not constant within sets.
    """
    columns = check_groupby(groupby)
    if time_key is not None and pairs is not None:
        msg = f"`time_key` and `pairs` exclude each other, got {time_key!r} and {np.shape(pairs)}. Pass one."
        raise ValueError(msg)
    time_scale = None if time_key is None else _time_scale(obs, columns, time_key, mask)
    columns = columns if time_key is None else [*columns, time_key]
    grouping = group_cells(obs, columns, min_cells=min_cells, min_sets=2, mask=mask)
    table = grouping.table
    if time_scale is not None:
        found = consecutive_pairs(table, columns[:-1], time_scale.read(table[columns[-1]]))
        groups = table.groupby(columns[:-1], observed=True, sort=False).ngroup().to_numpy()
    elif pairs is not None:
        found = named_pairs(pairs, table)
        groups = linked_groups(pair_indices(found[[SOURCE, TARGET]], table.index), len(table))
    else:
        found = pd.DataFrame({name: np.array([], dtype=object) for name in (SOURCE, TARGET, GROUP)})
        groups = np.arange(len(table))
    return Pairing(grouping, _with_covariates(found, obs, grouping, as_names(covariates)), groups, columns, time_scale)


def _time_scale(obs: pd.DataFrame, columns: list[str], time_key: str, mask: Mask) -> TimeScale:
    check_columns(obs, columns, "groupby")
    check_columns(obs, [time_key], "time_key")
    if time_key in columns:
        msg = f"`time_key` must not be a column of `groupby`, which names the groups, got {time_key!r} in both."
        raise ValueError(msg)
    time_scale = TimeScale.from_column(obs[time_key])
    # A group of any size, to know which cells are in one.
    inside = group_cells(obs, columns, min_cells=1, mask=mask).codes >= 0
    check_times(time_scale.read(obs[time_key])[inside], time_key)
    return time_scale


def _with_covariates(
    pairs: pd.DataFrame, obs: pd.DataFrame, grouping: Grouping, covariates: Sequence[str]
) -> pd.DataFrame:
    """``pairs`` with columns of their target sets."""
    values: dict[str, Any] = {}
    for name in covariates:
        column = per_set_column(obs, grouping.codes, grouping.table.index, name, "covariates")
        if name in (TIME_FROM, TIME_TO, SOURCE, TARGET, GROUP) or not pd.api.types.is_numeric_dtype(column):
            msg = f"`covariates` must be numeric and not be called as the columns of pairs, got {name!r}."
            raise ValueError(msg)
        values[name] = column.loc[pairs[TARGET]].to_numpy(dtype=float, na_value=np.nan)
        if not np.isfinite(values[name]).all():
            msg = f"`covariates` must be known for the target of each pair, but {name!r} is NaN for some. Fill it in."
            raise ValueError(msg)
    return pairs.assign(**values)
