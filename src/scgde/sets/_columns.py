"""Columns of ``obs`` as columns of a set table: natural order, text, and one value per set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scgde import _keys
from scgde._checks import check_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike


#: Between the values that name a set.
SEPARATOR = _keys.SEPARATOR


def natural_codes(column: pd.Series) -> np.ndarray:
    """Integer code of each value in its natural order, int64, shape ``(n_obs,)``; -1 where missing."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy(dtype=np.int64)
    try:
        return pd.factorize(column, sort=True)[0].astype(np.int64)
    except TypeError as error:  # values without order or hash, such as lists
        kinds = sorted({type(value).__name__ for value in column})
        msg = (
            f"{column.name!r} must hold text, numbers or categories, got values of type {kinds}. Convert them to text."
        )
        raise TypeError(msg) from error


def as_text(column: pd.Series) -> np.ndarray:
    """Text of each value, shape ``(n,)``; whole floats without a decimal point."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return as_text(pd.Series(column.cat.categories))[column.cat.codes]
    column = column.infer_objects()
    if not pd.api.types.is_float_dtype(column):
        return column.astype(str).to_numpy(dtype=object)
    values = column.to_numpy(dtype=getattr(column.dtype, "numpy_dtype", None))
    whole = (values == np.round(values)) & (np.abs(values) < 2**53)
    # Not `np.where` on text: both branches would be formatted for every value.
    text = np.empty(len(values), dtype=object)
    text[whole] = values[whole].astype(np.int64).astype(str)
    text[~whole] = values[~whole].astype(str)
    return text


def as_mask(obs: pd.DataFrame, mask: np.ndarray | pd.Series | Sequence[bool] | str | None) -> np.ndarray:
    """Which cells take part, bool ``(n_obs,)``: an array as it is, a Series by name; a missing value as False."""
    if mask is None:
        return np.ones(len(obs), dtype=bool)
    if isinstance(mask, str):
        mask = obs[mask]
    if np.ndim(mask) != 1:
        msg = f"`mask` must be boolean with one value per cell ({len(obs)}), got an array of shape {np.shape(mask)}."
        raise ValueError(msg)
    values = _aligned(mask, obs.index) if isinstance(mask, pd.Series) else pd.Series(mask)
    if not pd.api.types.is_bool_dtype(values) or len(values) != len(obs):
        msg = (
            f"`mask` must be boolean with one value per cell ({len(obs)}), or name such a column of `obs`, "
            f"got {len(values)} values of type {values.dtype}."
        )
        raise ValueError(msg)
    return values.fillna(value=False).to_numpy(dtype=bool)


def _aligned(mask: pd.Series, names: pd.Index) -> pd.Series:
    """A mask in the order of the cells."""
    if mask.index.equals(names):
        return mask
    if len(mask) == len(names) and (not names.is_unique or not names.isin(mask.index).all()):
        msg = (
            f"A Series as `mask` must have the index of `adata.obs`, got other names: {mask.index[:3].tolist()}. "
            "Pass `mask.to_numpy()` if it is in the order of the cells."
        )
        raise ValueError(msg)
    return mask if len(mask) != len(names) else mask.reindex(names)


def codes_of_groups(groups: pd.DataFrame, mask: np.ndarray) -> np.ndarray:
    """One code per distinct row in lexicographic order, shape ``(n_obs,)``; -1 where a value is missing or masked."""
    columns = [natural_codes(groups[column]) for column in groups]
    valid = mask & np.logical_and.reduce([column >= 0 for column in columns])
    key = np.zeros(int(valid.sum()), dtype=np.int64)
    for column in columns:
        part = column[valid]
        # Compressed after each column, so that the product of the level counts cannot overflow.
        key = pd.factorize(key * (part.max(initial=0) + 1) + part, sort=True)[0]
    codes = np.full(len(mask), -1, dtype=np.int64)
    codes[valid] = key
    return codes


def names_of_groups(groups: pd.DataFrame) -> np.ndarray:
    """Name of the set of each row, its values joined, shape ``(n_sets,)``.

    Raises
    ------
    ValueError
        If two rows have one name.
    """
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


def set_table(
    obs: pd.DataFrame,
    columns: list[str],
    codes: np.ndarray,
    first: np.ndarray,
    names: np.ndarray,
) -> pd.DataFrame:
    """One row per set: the group columns, ``n_cells``, and the columns of ``obs`` that are constant within sets.

    A column of ``obs`` that is called ``n_cells`` stands in place of the number of cells.

    Parameters
    ----------
    obs
        One row per cell.
    columns
        Those that group.
    codes
        Set of each cell, shape ``(n_obs,)``, -1 for none.
    first
        First cell of each set, shape ``(n_sets,)``.
    names
        Name of each set, shape ``(n_sets,)``.
    """
    cells = np.flatnonzero(codes >= 0)
    representatives = first[codes[cells]]
    others = [column for column in obs.columns if column not in columns]
    constant = [column for column in others if is_constant(obs[column], cells, representatives)]
    content = {column: writable(obs[column].iloc[first]) for column in [*columns, *constant]}
    table = pd.DataFrame({name: column.array for name, column in content.items()}, index=pd.Index(names))
    if _keys.N_CELLS not in table:
        table.insert(len(columns), _keys.N_CELLS, np.bincount(codes[cells]))
    # AnnData refuses to write a frame whose index has the name of a column.
    table.index.name = None if "set" in table else "set"
    return table


def dropped_table(n_cells: pd.Series, min_cells: int, groups: pd.DataFrame | None) -> pd.DataFrame:
    """One row per set that was too small: its cells, the reason and, where there are several, its group columns."""
    reason = pd.Categorical([f"fewer than {min_cells} cells"] * len(n_cells), [f"fewer than {min_cells} cells"])
    columns = {} if groups is None else {name: writable(groups[name]) for name in groups}
    return pd.DataFrame({_keys.N_CELLS: n_cells, "reason": reason, **columns}).rename_axis("set")


def is_constant(column: pd.Series, cells: np.ndarray, representatives: np.ndarray) -> bool:
    """Whether each cell has the value of its representative; a missing value counts as a value.

    Parameters
    ----------
    column
        One value per cell.
    cells, representatives
        Positions in ``column`` that are compared pairwise, shape ``(n,)`` each.
    """
    # Most columns that vary show it in the first cells.
    values = column.array
    return all(are_equal(values[cells[:n]], values[representatives[:n]]) for n in (10_000, len(cells)))


def per_set_column(obs: pd.DataFrame, codes: np.ndarray, names: pd.Index, column: str, argument: str) -> pd.Series:
    """Value of each set in a column of ``obs`` that is constant within sets.

    Parameters
    ----------
    obs
        One row per cell.
    codes
        Set of each cell, an index into ``names``, -1 for none, shape ``(n_obs,)``.
    names
        Names of the sets.
    column, argument
        Name of the column, and of the argument that gave it, for messages.

    Returns
    -------
    One value per set, indexed by ``names``; missing for a set without cells. Types are those that files can hold.

    Raises
    ------
    KeyError
        If there is no such column.
    ValueError
        If it varies within a set.
    """
    check_columns(obs, **{argument: column})
    cells, first = np.flatnonzero(codes >= 0), first_cells(codes, len(names))
    representatives = first[codes[cells]]
    if not is_constant(obs[column], cells, representatives):
        varying = [i for i in range(len(names)) if not is_constant(obs[column], *_cells_and_first(codes, first, i))]
        msg = (
            f"`{argument}` must name a column that is constant within sets, but {column!r} varies in {len(varying)}, "
            f"such as {names[varying[:3]].tolist()}. Give all cells of a set one value."
        )
        raise ValueError(msg)
    known = first >= 0
    return writable(obs[column].iloc[first[known]]).set_axis(names[known]).reindex(names)


def first_cells(codes: np.ndarray, n_sets: int) -> np.ndarray:
    """Index of the first cell of each set, -1 for a set without cells, shape ``(n_sets,)``."""
    first = np.full(n_sets, -1, dtype=np.int64)
    cells = np.flatnonzero(codes >= 0)[::-1]
    first[codes[cells]] = cells  # of repeated entries the last assignment stays: the first cell
    return first


def writable(column: pd.Series) -> pd.Series:
    """Return the column in a type that h5ad and zarr can hold: unchanged if it is, else categorical text."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        column = column.cat.remove_unused_categories()
        return column if _is_plain(pd.Series(column.cat.categories)) else column.cat.rename_categories(str)
    if pd.api.types.is_float_dtype(dtype):
        return column.astype(getattr(dtype, "numpy_dtype", dtype))
    if _is_plain(column):
        return column
    return column.astype(str).astype(object).where(column.notna(), None).astype("category")


def _cells_and_first(codes: np.ndarray, first: np.ndarray, set_: int) -> tuple[np.ndarray, np.ndarray]:
    cells = np.flatnonzero(codes == set_)
    return cells, np.full(len(cells), first[set_])


def _is_plain(column: pd.Series) -> bool:
    if column.dtype == object:
        return pd.api.types.infer_dtype(column, skipna=False) in {"string", "empty"}
    return pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column)


def are_equal(left: ArrayLike, right: ArrayLike) -> bool:
    """Whether all values are equal; a missing value counts as a value."""
    left, right = pd.Series(left), pd.Series(right)
    equal = (left == right).fillna(value=False).to_numpy(dtype=bool)
    return bool((left[~equal].isna() & right[~equal].isna()).all())
