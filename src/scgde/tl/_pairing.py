"""Which sets a transport is fitted on, which of them are pairs, and what each may be used for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from scgde import _keys
from scgde._checks import check_at_least_two_sets, check_columns, check_groupby
from scgde.sets._grouping import Grouping, group_cells
from scgde.sets._pairing import (
    GROUP,
    SOURCE,
    TARGET,
    TIME_FROM,
    TIME_TO,
    TimeScale,
    check_times,
    consecutive_pairs,
    named_pairs,
)
from scgde.tl._fitting import parts_of_sets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData
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
        Group of each set, shape ``(S,)``: sets of one must not be parted.
    columns
        The columns that name a set.
    clock
        How times become numbers, where there are times.
    """

    grouping: Grouping
    pairs: pd.DataFrame
    groups: np.ndarray
    columns: list[str]
    clock: TimeScale | None

    @property
    def links(self) -> np.ndarray:
        """Each set and the first of its group, as places in the set table, shape ``(S, 2)``."""
        first = pd.Series(np.arange(len(self.groups))).groupby(self.groups).transform("first").to_numpy()
        return np.stack([first, np.arange(len(first))], axis=1)

    def roles(self, parts: dict[str, list[str]]) -> pd.Series:
        """What each pair may be used for: ``"train"``, ``"validation"`` or ``"held out"``."""
        ends = self.pairs[[SOURCE, TARGET]]
        codes = np.full(len(ends), _keys.ROLES.index("held out"))
        for role in ("train", "validation"):
            codes[ends.isin(parts[f"{role}_sets"]).all(axis=1)] = _keys.ROLES.index(role)
        return pd.Series(pd.Categorical.from_codes(codes, pd.Index(_keys.ROLES)), index=self.pairs.index)


def pair_sets(
    obs: pd.DataFrame,
    groupby: GroupBy,
    *,
    time_key: str | None,
    pairs: ArrayLike | pd.DataFrame | None,
    covariates: Sequence[str],
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
    clock = None if time_key is None else _clock(obs, columns, time_key, mask)
    columns = columns if time_key is None else [*columns, time_key]
    grouping = group_cells(obs, columns, min_cells=min_cells, mask=mask)
    table = grouping.table
    check_at_least_two_sets(table)
    if clock is not None:
        found = consecutive_pairs(table, columns[:-1], clock.read(table[columns[-1]]))
        groups = table.groupby(columns[:-1], observed=True, sort=False).ngroup().to_numpy()
    elif pairs is not None:
        found = named_pairs(pairs, table)
        groups = _linked(found, table)
    else:
        found = pd.DataFrame({name: np.array([], dtype=object) for name in (SOURCE, TARGET, GROUP)})
        groups = np.arange(len(table))
    return Pairing(grouping, _with_covariates(found, table, covariates), groups, columns, clock)


def parts_of(
    adata: AnnData,
    pairing: Pairing,
    *,
    split_key: str | None,
    validation_fraction: float,
    seed: int,
) -> dict[str, list[str]]:
    """Names of the sets to train and to validate on.

    Raises
    ------
    ValueError
        If ``split_key`` parts the sets of a group: what was held out would be learnt from its other sets.
    """
    table = pairing.grouping.table
    parts = parts_of_sets(adata, table, split_key, validation_fraction, seed, links=pairing.links)
    if split_key is not None:
        split = table[split_key].astype(object).where(table[split_key].notna(), "")
        torn = split.groupby(pairing.groups).nunique().to_numpy() > 1
        if torn.any():
            names = table.index[pairing.groups == np.flatnonzero(torn)[0]].tolist()
            msg = (
                f"`split_key` must have one value for all sets of a group, but {split_key!r} parts {names}. "
                "Split groups, not sets: see `group` in `scgde.pp.split_sets`."
            )
            raise ValueError(msg)
    return parts


def covariate_names(pairs: pd.DataFrame) -> list[str]:
    """Columns of a table of pairs that a predictor is told."""
    return [str(name) for name in pairs if name not in (SOURCE, TARGET, GROUP, _keys.ROLE)]


def _clock(obs: pd.DataFrame, columns: list[str], time_key: str, mask: Mask) -> TimeScale:
    check_columns(obs, columns, "groupby")
    check_columns(obs, [time_key], "time_key")
    if time_key in columns:
        msg = f"`time_key` must not be a column of `groupby`, which names the groups, got {time_key!r} in both."
        raise ValueError(msg)
    clock = TimeScale.of(obs[time_key])
    # A group of any size, to know which cells are in one.
    inside = group_cells(obs, columns, min_cells=1, mask=mask).codes >= 0
    check_times(clock.read(obs[time_key])[inside], time_key)
    return clock


def _linked(pairs: pd.DataFrame, table: pd.DataFrame) -> np.ndarray:
    """Group of each set: that of its pairs, or its own."""
    group = pd.Series(table.index, index=table.index, dtype=object)
    for end in (SOURCE, TARGET):
        group[pairs[end]] = pairs[GROUP].to_numpy()
    return pd.factorize(group)[0]


def _with_covariates(pairs: pd.DataFrame, table: pd.DataFrame, covariates: Sequence[str]) -> pd.DataFrame:
    """``pairs`` with columns of their target sets."""
    values: dict[str, Any] = {}
    for name in [covariates] if isinstance(covariates, str) else covariates:
        if name not in table:
            msg = f"`covariates` must be constant within sets, got {name!r}. Columns that are: {list(table)}."
            raise ValueError(msg)
        if name in (TIME_FROM, TIME_TO, SOURCE, TARGET, GROUP) or not pd.api.types.is_numeric_dtype(table[name]):
            msg = f"`covariates` must be numeric and not be called as the columns of pairs, got {name!r}."
            raise ValueError(msg)
        values[name] = table.loc[pairs[TARGET], name].to_numpy(dtype=float, na_value=np.nan)
        if not np.isfinite(values[name]).all():
            msg = f"`covariates` must be known for the target of each pair, but {name!r} is NaN for some. Fill it in."
            raise ValueError(msg)
    return pairs.assign(**values)
