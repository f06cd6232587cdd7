"""What a single column of ``obs`` needs to take part in a set table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def levels(column: pd.Series) -> np.ndarray:
    """Integer code of each value in its natural order, int64, shape ``(n_obs,)``; -1 where missing."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy(dtype=np.int64)
    return pd.factorize(column, sort=True)[0].astype(np.int64)


def labels(column: pd.Series) -> np.ndarray:
    """Text of each value, shape ``(n,)``; whole floats without a decimal point."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return labels(pd.Series(column.cat.categories))[column.cat.codes]
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
    return all(_equal(values[cells[:n]], values[representatives[:n]]) for n in (10_000, len(cells)))


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


def _is_plain(column: pd.Series) -> bool:
    if column.dtype == object:
        return pd.api.types.infer_dtype(column, skipna=False) in {"string", "empty"}
    return pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column)


def _equal(left: ArrayLike, right: ArrayLike) -> bool:
    left, right = pd.Series(left), pd.Series(right)
    equal = (left == right).fillna(value=False).to_numpy(dtype=bool)
    return bool((left[~equal].isna() & right[~equal].isna()).all())
