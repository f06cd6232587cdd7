"""Columns of a set table: whether values are amounts or classes, and numbers by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

#: Text that stands for a missing value.
_MISSING_TEXT = ("", "NA", "N/A", "NaN", "nan", "None", "null", "<NA>")
#: Whole numbers are classes up to so many values, if there are two sets or more to a value.
_MAX_CLASSES, _SETS_PER_CLASS = 10, 2


def known_values(column: pd.Series) -> pd.Series:
    """A column in which text such as ``"NA"`` is missing; numbers, where numbers were text for that reason alone."""
    if is_numeric(column) or pd.api.types.is_bool_dtype(column):
        return column
    is_text_for_missing = column.astype(object).isin(_MISSING_TEXT)
    if not is_text_for_missing.any():
        return column
    rest = column.where(~is_text_for_missing)
    if isinstance(rest.dtype, pd.CategoricalDtype):
        rest = rest.cat.remove_unused_categories()
    numbers = pd.to_numeric(rest.astype(object), errors="coerce")
    return numbers.astype(float) if numbers.notna().sum() == rest.notna().sum() > 0 else rest


def is_numeric(column: pd.Series) -> bool:
    """Whether values are numbers, truth values excluded."""
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def is_continuous(column: pd.Series) -> bool:
    """Whether values are amounts: numbers, but neither two values only nor a few whole ones that repeat."""
    if not is_numeric(column):
        return False
    known = column.dropna().to_numpy(dtype=float)
    n_values = len(np.unique(known))
    whole = bool((known == np.round(known)).all())
    return n_values > 2 and not (whole and n_values <= min(_MAX_CLASSES, len(known) // _SETS_PER_CLASS))


def classes(column: pd.Series) -> tuple[np.ndarray, list[str]]:
    """Code of each value, -1 where missing, and the names of those that occur, in their natural order."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        values = column.cat.remove_unused_categories()
    else:
        values = column.infer_objects().astype("category")
    names = [_name(value) for value in values.cat.categories]
    return values.cat.codes.to_numpy(dtype=np.int64), names


def check_by_name(values: Any, argument: str) -> pd.Series:
    """Return numbers by name, of a mapping or Series, as floats; each name may come once."""
    series = pd.Series(values, dtype=object)
    numbers = pd.to_numeric(series, errors="coerce").astype(float)
    if not series.index.is_unique:
        repeated = series.index[series.index.duplicated()][:5].tolist()
        msg = f"`{argument}` must have one value for each name, got several for {repeated}."
        raise ValueError(msg)
    is_text = series.map(lambda value: isinstance(value, str | bool))
    if is_text.any():
        msg = f"`{argument}` must be numbers, got {series[is_text].iloc[0]!r} for {series.index[is_text][0]!r}."
        raise TypeError(msg)
    return numbers


def _name(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
