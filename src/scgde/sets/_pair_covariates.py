"""Covariates of pairs as numbers: columns of the target sets, classes one-hot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scgde._columns import classes
from scgde.sets._columns import per_set_column
from scgde.sets._pairs import TARGET, TIME_FROM, TIME_TO

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scgde.sets._grouping import Grouping


def with_covariates(
    pairs: pd.DataFrame, obs: pd.DataFrame, grouping: Grouping, covariates: Sequence[str]
) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """``pairs`` with columns of their target sets, and the classes of those that are no numbers.

    Raises
    ------
    ValueError
        If a name is one of a column of pairs, or a value is missing.
    """
    values: dict[str, Any] = {}
    found: dict[str, list[str]] = {}
    for name in covariates:
        column = per_set_column(obs, grouping.codes, grouping.table.index, name, "condition_keys")
        if name in (TIME_FROM, TIME_TO, *pairs):
            msg = f"`condition_keys` must not be called as the columns of pairs, got {name!r}. Rename the column."
            raise ValueError(msg)
        of_targets = column.loc[pairs[TARGET]]
        if not of_targets.notna().all() or not _is_finite(of_targets):
            msg = (
                f"`condition_keys` must be known for the target of each pair, but {name!r} is NaN for some. Fill it in."
            )
            raise ValueError(msg)
        if pd.api.types.is_numeric_dtype(column):
            values[name] = of_targets.to_numpy(dtype=float)
        else:
            codes, found[name] = classes(of_targets)
            values |= {one_hot(name, value): (codes == i).astype(float) for i, value in enumerate(found[name])}
    return pairs.assign(**values), found


def one_hot(name: str, value: str) -> str:
    """Column of a class of a covariate."""
    return f"{name}={value}"


def covariates_of(columns: Sequence[str], categories: Mapping[str, Sequence[str]]) -> list[str]:
    """Covariates that some columns of pairs encode, each once."""
    origin = {one_hot(name, value): name for name, values in categories.items() for value in values}
    return list(dict.fromkeys(origin.get(column, column) for column in columns))


def encode_covariates(values: Mapping[str, Any], categories: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Values by column of pairs: numbers as they are, classes one-hot.

    Raises
    ------
    ValueError
        If a value is none of the classes.
    """
    encoded: dict[str, Any] = {}
    for name, value in values.items():
        if name not in categories:
            encoded[name] = value
            continue
        if str(value) not in categories[name]:
            msg = f"`{name}` must be one of {list(categories[name])[:10]}, as in the fit, got {value!r}."
            raise ValueError(msg)
        encoded |= {one_hot(name, one): float(one == str(value)) for one in categories[name]}
    return encoded


def _is_finite(column: pd.Series) -> bool:
    return not pd.api.types.is_float_dtype(column) or bool(np.isfinite(column.to_numpy(dtype=float)).all())
