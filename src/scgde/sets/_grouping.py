from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from scgde import _keys
from scgde._checks import check_columns, check_count, check_groupby
from scgde.sets._columns import as_text, first_cells, is_constant, natural_codes, writable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scgde._types import GroupBy

SEPARATOR = "|"


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
        One row per set that was too small: ``n_cells`` and ``reason``.
    """

    codes: np.ndarray
    table: pd.DataFrame
    dropped: pd.DataFrame


def group_cells(
    obs: pd.DataFrame,
    groupby: GroupBy,
    *,
    min_cells: int = 10,
    mask: np.ndarray | pd.Series | Sequence[bool] | str | None = None,
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
    mask
        Boolean array of shape ``(n_obs,)``, or the name of a boolean column: cells with False are in no set.

    Returns
    -------
    The grouping. Sets are in the order of the group columns: categoricals in the order of their categories,
    numbers by value, text by letter.

    Raises
    ------
    KeyError
        If a column is missing.
    ValueError
        If no set is left, or two sets would have one name.
    """
    columns = check_groupby(groupby)
    check_columns(obs, columns, "groupby")
    min_cells = check_count(min_cells, "min_cells")
    for name in {_keys.N_CELLS, _keys.SPLIT} & set(columns):
        msg = f"`groupby` must not contain {name!r}, a column of the set table itself. Rename it."
        raise ValueError(msg)

    codes = _combine([natural_codes(obs[column]) for column in columns], _as_mask(obs, mask))
    n_cells = np.bincount(codes[codes >= 0])
    _check_any_kept(n_cells, min_cells)
    first = first_cells(codes, len(n_cells))
    names = _names(obs[columns].iloc[first])

    keep = n_cells >= min_cells
    # The last entry serves code -1.
    new_codes = np.append(np.where(keep, np.cumsum(keep) - 1, -1), -1)
    codes = new_codes[codes]
    return Grouping(
        codes=codes,
        table=_set_table(obs, columns, codes, first[keep], n_cells[keep], names[keep]),
        dropped=_dropped_table(n_cells[~keep], names[~keep], min_cells),
    )


def warn_dropped(dropped: pd.DataFrame, min_cells: int, *, stacklevel: int = 3) -> None:
    """Give one warning for all sets that were too small; none if there were none.

    Parameters
    ----------
    dropped
        As in :class:`Grouping`.
    min_cells
        The threshold that they missed.
    stacklevel
        Whose line the warning shows; the default is the caller of the function that calls this one.
    """
    if dropped.empty:
        return
    some = ", ".join(dropped.index[:5]) + (", ..." if len(dropped) > 5 else "")
    msg = (
        f"Dropped {len(dropped)} sets with fewer than `min_cells={min_cells}` cells "
        f"({dropped[_keys.N_CELLS].sum()} cells in all): {some}."
    )
    warnings.warn(msg, UserWarning, stacklevel=stacklevel)


def _as_mask(obs: pd.DataFrame, mask: np.ndarray | pd.Series | Sequence[bool] | str | None) -> np.ndarray:
    if mask is None:
        return np.ones(len(obs), dtype=bool)
    if isinstance(mask, str):
        check_columns(obs, [mask], "mask")
        mask = obs[mask]
    values = pd.Series(mask)
    if not pd.api.types.is_bool_dtype(values) or len(values) != len(obs):
        msg = (
            f"`mask` must be boolean with one value per cell ({len(obs)}), or name such a column of `obs`, "
            f"got {len(values)} values of type {values.dtype}."
        )
        raise ValueError(msg)
    return values.fillna(value=False).to_numpy(dtype=bool)


def _combine(columns: list[np.ndarray], mask: np.ndarray) -> np.ndarray:
    """One code per distinct row of the columns, in lexicographic order; -1 where one or the mask excludes."""
    valid = mask & np.logical_and.reduce([column >= 0 for column in columns])
    key = np.zeros(int(valid.sum()), dtype=np.int64)
    for column in columns:
        part = column[valid]
        # Compressed after each column, so that the product of the level counts cannot overflow.
        key = pd.factorize(key * (part.max(initial=0) + 1) + part, sort=True)[0]
    codes = np.full(len(mask), -1, dtype=np.int64)
    codes[valid] = key
    return codes


def _check_any_kept(n_cells: np.ndarray, min_cells: int) -> None:
    if len(n_cells) == 0:
        msg = "At least one set is required, got none: every cell has a missing group value or is masked out."
        raise ValueError(msg)
    if n_cells.max() < min_cells:
        msg = (
            f"At least one set with `min_cells={min_cells}` cells is required, got {len(n_cells)} sets, all "
            f"too small: the biggest has {n_cells.max()}. Lower `min_cells` or choose a coarser `groupby`."
        )
        raise ValueError(msg)


def _names(groups: pd.DataFrame) -> np.ndarray:
    parts = [as_text(groups[column]) for column in groups]
    names = parts[0]
    for part in parts[1:]:
        names = names + SEPARATOR + part
    repeated = pd.Index(names).duplicated()
    if repeated.any():
        msg = (
            f"Each set needs a name of its own, but {names[repeated][0]!r} stands for several groups of "
            f"{list(groups.columns)}. Rename the values that print alike."
        )
        raise ValueError(msg)
    return names


def _set_table(
    obs: pd.DataFrame,
    columns: list[str],
    codes: np.ndarray,
    first: np.ndarray,
    n_cells: np.ndarray,
    names: np.ndarray,
) -> pd.DataFrame:
    cells = np.flatnonzero(codes >= 0)
    representatives = first[codes[cells]]
    others = [column for column in obs.columns if column not in {*columns, _keys.N_CELLS}]
    constant = [column for column in others if is_constant(obs[column], cells, representatives)]
    content = {column: writable(obs[column].iloc[first]) for column in [*columns, *constant]}
    table = pd.DataFrame({name: column.array for name, column in content.items()}, index=pd.Index(names))
    table.insert(len(columns), _keys.N_CELLS, n_cells)
    # AnnData refuses to write a frame whose index has the name of a column.
    table.index.name = None if "set" in table else "set"
    return table


def _dropped_table(n_cells: np.ndarray, names: np.ndarray, min_cells: int) -> pd.DataFrame:
    categories = pd.Index([f"fewer than {min_cells} cells"])
    reason = pd.Categorical.from_codes(np.zeros(len(names), dtype=np.int8), categories)
    return pd.DataFrame({_keys.N_CELLS: n_cells, "reason": reason}, index=pd.Index(names, name="set"))
