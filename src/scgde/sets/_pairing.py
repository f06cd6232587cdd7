"""Which sets a transport is fitted on, and which of them are pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from scgde._checks import as_names, check_columns, check_groupby
from scgde.sets._grouping import Grouping, group_cells
from scgde.sets._pair_covariates import with_covariates
from scgde.sets._pairs import (
    GROUP,
    PERTURBATION,
    SOURCE,
    TARGET,
    consecutive_pairs,
    linked_groups,
    named_pairs,
    pair_indices,
)
from scgde.sets._perturbations import parts_of
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
        Group of each set, shape ``(S,)``: the sets of one must not be divided by a split. Those of perturbations may
        be: what is forecast is one perturbation in one context, from a control that others share.
    columns
        The columns that name a set.
    time_scale
        How times become numbers, where there are times.
    categories
        Classes of the covariates that are no numbers, by name.
    """

    grouping: Grouping
    pairs: pd.DataFrame
    groups: np.ndarray
    columns: list[str]
    time_scale: TimeScale | None
    categories: dict[str, list[str]]

    @property
    def of_perturbations(self) -> bool:
        """Whether pairs are of a control and a perturbation of it."""
        return PERTURBATION in self.pairs

    @property
    def always_trained(self) -> np.ndarray | None:
        """Rows that a random split trains on: controls, and perturbations that combinations hold; None of other pairs.

        What a combination tells of a part that is held out would make its score worth nothing.
        """
        if not self.of_perturbations:
            return None
        names = self.pairs[PERTURBATION]
        parts = {part for name in names if len(parts := parts_of(name)) > 1 for part in parts}
        return np.unique(np.concatenate([self.ends[:, 0], self.ends[names.isin(parts), 1]]))

    @property
    def links(self) -> np.ndarray:
        """Each set and the first of its group, as rows of the set table, shape ``(S, 2)``.

        One perturbation in all contexts is then held out together.
        """
        groups = _by_perturbation(self) if self.of_perturbations else self.groups
        first = pd.Series(np.arange(len(groups))).groupby(groups).transform("first").to_numpy()
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
    condition_keys: str | Sequence[str],
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
        one only, there are fewer than two sets, or a covariate is not known or not constant within sets.
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
        linked = linked_groups(pair_indices(found[[SOURCE, TARGET]], table.index), len(table))
        groups = np.arange(len(table)) if PERTURBATION in found else linked
    else:
        found = pd.DataFrame({name: np.array([], dtype=object) for name in (SOURCE, TARGET, GROUP)})
        groups = np.arange(len(table))
    found, categories = with_covariates(found, obs, grouping, as_names(condition_keys))
    return Pairing(grouping, found, groups, columns, time_scale, categories)


def _by_perturbation(pairing: Pairing) -> np.ndarray:
    """Code of the perturbation of each target set; every other set is alone, shape ``(S,)``."""
    groups = np.arange(len(pairing.groups))
    groups[pairing.ends[:, 1]] = len(groups) + pd.factorize(pairing.pairs[PERTURBATION])[0]
    return groups


def _time_scale(obs: pd.DataFrame, columns: list[str], time_key: str, mask: Mask) -> TimeScale:
    check_columns(obs, groupby=columns, time_key=time_key)
    if time_key in columns:
        msg = f"`time_key` must not be a column of `groupby`, which names the groups, got {time_key!r} in both."
        raise ValueError(msg)
    time_scale = TimeScale.from_column(obs[time_key])
    # A group of any size, to know which cells are in one.
    inside = group_cells(obs, columns, min_cells=1, mask=mask).codes >= 0
    check_times(time_scale.read(obs[time_key])[inside], time_key)
    return time_scale
