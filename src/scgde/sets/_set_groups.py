"""Sets that are asked for by name, or by values of their columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from scgde import _keys
from scgde._checks import check_names, check_sets
from scgde._hints import did_you_mean
from scgde.sets._entries import read_entries
from scgde.sets._fitted_column import set_column

if TYPE_CHECKING:
    from anndata import AnnData

    from scgde._types import SetLike

#: Values of a column that a message lists.
MAX_VALUES = 20


class SetGroup(NamedTuple):
    """One set, or several that count the same.

    Parameters
    ----------
    name
        Of the set, or of the values that its sets share, as ``"status=Covid"``.
    rows
        Of the set table.
    """

    name: str
    rows: np.ndarray

    def embedding(self, embeddings: np.ndarray) -> np.ndarray:
        """Mean of the embeddings ``(S, E)`` of its sets, shape ``(E,)``."""
        return embeddings[self.rows].mean(axis=0)


def set_groups(adata: AnnData, asked: Any, arguments: str, key: str) -> list[SetGroup]:
    """Groups of fitted sets: a name, a mapping from columns to values, or a collection of these.

    Raises
    ------
    KeyError
        If there is no set of a name, or no such column.
    ValueError
        If no set has the values.
    """
    table = read_entries(adata, key)[_keys.SETS]
    asked = [asked] if isinstance(asked, Mapping) else asked
    if isinstance(asked, str) or not isinstance(asked, Iterable) or not any(isinstance(one, Mapping) for one in asked):
        names = check_names(asked, arguments)
        rows = _rows_by_name(adata, table, names, arguments)
        return [SetGroup(str(name), np.array([row])) for name, row in zip(names, rows, strict=True)]
    return [_group(adata, table, one, arguments, key) for one in asked]


def rows_of_sets(adata: AnnData, asked: Any, arguments: str, key: str) -> np.ndarray:
    """Rows of the set table of all sets that are asked for, in this order; see :func:`set_groups`."""
    return np.concatenate([group.rows for group in set_groups(adata, asked, arguments, key)])


def name_of_set(adata: AnnData, asked: SetLike, arguments: str, key: str) -> str:
    """Name of the one set that is asked for, by name or by values.

    Raises
    ------
    KeyError
        If there is no such set or column.
    ValueError
        If no set has the values, or several have.
    """
    rows = rows_of_sets(adata, asked, arguments, key)
    names = read_entries(adata, key)[_keys.SETS].index[rows]
    if len(names) != 1:
        msg = (
            f"{arguments} must be one set each, but {len(names)} sets have the values {asked!r}: {names[:5].tolist()}. "
            "Groups of sets are compared by `scgde.tl.compare_groups`."
        )
        raise ValueError(msg)
    return str(names[0])


def members(groups: list[SetGroup], names: pd.Index) -> pd.DataFrame:
    """One row per set: the ``position`` of its group, and the name of the ``set``."""
    rows = np.concatenate([group.rows for group in groups])
    position = np.repeat(np.arange(len(groups)), [len(group.rows) for group in groups])
    return pd.DataFrame({"position": position, "set": names[rows].astype(str).to_numpy()}).rename(index=str)


def _group(adata: AnnData, table: pd.DataFrame, one: Any, arguments: str, key: str) -> SetGroup:
    if not isinstance(one, Mapping):
        return SetGroup(str(one), _rows_by_name(adata, table, [one], arguments))
    has_all = np.ones(len(table), dtype=bool)
    for column, values in one.items():
        has_all &= _has_value(set_column(adata, column, arguments.strip("`"), key), column, values, arguments)
    name = ", ".join(f"{column}={'|'.join(map(str, _as_list(values)))}" for column, values in one.items())
    if not has_all.any():
        msg = f"{arguments} must be values that some set has, got {name!r}, and there is no such set."
        raise ValueError(msg)
    return SetGroup(name, np.flatnonzero(has_all))


def _rows_by_name(adata: AnnData, table: pd.DataFrame, names: list[Any], arguments: str) -> np.ndarray:
    """Rows of sets by name; where a name is a value of a column, the error says how values are given."""
    try:
        return check_sets(table.index, names, arguments)
    except KeyError as error:
        unknown = next((name for name in names if name not in table.index), None)
        columns = {**adata.obs.select_dtypes(exclude="number"), **table.select_dtypes(exclude="number")}
        column = next((name for name, values in columns.items() if (values == unknown).any()), None)
        if column is None:
            raise
        msg = f"{error.args[0]} For sets by value, pass { ({column: unknown})!r}."
        raise KeyError(msg) from None


def _has_value(found: pd.Series, column: str, values: Any, arguments: str) -> np.ndarray:
    known = found.dropna().unique().tolist()
    unknown = [value for value in _as_list(values) if value not in known]
    if unknown:
        msg = (
            f"{arguments} must be values of {column!r}, got {unknown[0]!r}. Values: {known[:MAX_VALUES]}."
            f"{did_you_mean(unknown[0], known)}"
        )
        raise ValueError(msg)
    return found.isin(_as_list(values)).to_numpy()


def _as_list(values: Any) -> list[Any]:
    return list(values) if isinstance(values, Iterable) and not isinstance(values, str) else [values]
