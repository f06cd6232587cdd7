from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from scgde import _keys
from scgde._checks import check_columns, check_count, check_groupby
from scgde.sets._cell_weights import read_cell_weights
from scgde.sets._columns import as_mask, codes_of_groups, dropped_table, first_cells, names_of_groups, set_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scgde._types import GroupBy


class Grouping(NamedTuple):
    """Which cell belongs to which set.

    Parameters
    ----------
    codes
        Row of ``table`` of each cell, int64, shape ``(n_obs,)``; -1 for a cell in no kept set.
    table
        One row per kept set, indexed by name: the group columns, ``n_cells``, and every other column of
        ``obs`` that is constant within every kept set (a missing value counts as a value).
    dropped
        One row per set that was too small: ``n_cells``, ``reason`` and, where there are several, the group columns.
    weights
        Weight of each cell in its set, shape ``(n_obs,)``; None where all weigh the same.
    """

    codes: np.ndarray
    table: pd.DataFrame
    dropped: pd.DataFrame
    weights: np.ndarray | None = None


def group_cells(
    obs: pd.DataFrame,
    groupby: GroupBy,
    *,
    min_cells: int = 2,
    min_sets: int = 1,
    mask: np.ndarray | pd.Series | Sequence[bool] | str | None = None,
    weight_key: str | None = None,
) -> Grouping:
    """Group the cells of ``obs`` into sets.

    Parameters
    ----------
    obs
        One row per cell.
    groupby
        Column or columns that together name a set. A cell with a missing value in one of them is in no set.
    min_cells
        Smaller sets are dropped.
    min_sets
        So many must be left.
    mask
        Boolean array of shape ``(n_obs,)``, or the name of a boolean column: cells with False are in no set.
    weight_key
        Column of the weight of each cell in its set.

    Returns
    -------
    The grouping. Sets are in the order of the group columns: categoricals in the order of their categories,
    numbers by value, text by letter.

    Raises
    ------
    KeyError
        If a column is missing.
    TypeError
        If weights are not numbers.
    ValueError
        If fewer than ``min_sets`` sets are left, two sets would have one name, or weights in sets are not positive.
    """
    columns = check_groupby(groupby)
    check_columns(obs, groupby=columns, mask=mask if isinstance(mask, str) else None, weight_key=weight_key)
    min_cells = check_count(min_cells, "min_cells")
    for name in {_keys.N_CELLS, _keys.SPLIT} & set(columns):
        msg = f"`groupby` must not contain {name!r}, a column of the set table itself. Rename it."
        raise ValueError(msg)

    codes = codes_of_groups(obs[columns], as_mask(obs, mask))
    n_cells = np.bincount(codes[codes >= 0])
    keep = n_cells >= min_cells
    _check_enough(n_cells, keep, min_cells, min_sets)
    first = first_cells(codes, len(n_cells))
    names = names_of_groups(obs[columns].iloc[first])
    # The last entry serves code -1.
    codes = np.append(np.where(keep, np.cumsum(keep) - 1, -1), -1)[codes]
    table = set_table(obs, columns, codes, first[keep], names[keep])
    groups = obs[columns].iloc[first[~keep]].set_axis(names[~keep]) if len(columns) > 1 else None
    dropped = dropped_table(pd.Series(n_cells[~keep], names[~keep]), min_cells, groups)
    return Grouping(codes, table, dropped, read_cell_weights(obs, weight_key, codes))


def _check_enough(n_cells: np.ndarray, keep: np.ndarray, min_cells: int, min_sets: int) -> None:
    if len(n_cells) == 0:
        msg = "At least one set is required, got none: every cell has a missing group value or is masked out."
        raise ValueError(msg)
    if not keep.any():
        msg = (
            f"At least one set with `min_cells={min_cells}` cells is required, got {len(n_cells)} sets, all "
            f"too small: the biggest has {n_cells.max()}. Lower `min_cells` or choose a coarser `groupby`."
        )
        raise ValueError(msg)
    if keep.sum() < min_sets:
        msg = (
            f"At least {min_sets} sets with `min_cells={min_cells}` cells are required to fit, got {keep.sum()} of "
            f"{len(n_cells)}. Lower `min_cells`, widen `mask`, or choose another `groupby`."
        )
        raise ValueError(msg)
