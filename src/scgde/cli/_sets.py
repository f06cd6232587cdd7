"""Sets as they are typed: by name, or by value, ``status=Covid``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scgde import _keys

if TYPE_CHECKING:
    from anndata import AnnData

    from scgde._types import SetLike


def typed_set(adata: AnnData, text: str, key: str) -> SetLike:
    """A set by its name, or ``column=value`` for the group of sets that have it."""
    table = adata.uns[key][_keys.SETS]
    column, equals, value = text.partition("=")
    if text in table.index or not equals:
        return text
    return {column: _as_known(table.get(column, ()), value)}


def keep_values(adata: AnnData, column: str, texts: list[str], key: str) -> None:
    """Take the label from all sets that have other values of a column.

    Raises
    ------
    KeyError
        If there is no such column of the set table.
    ValueError
        If no set has a value.
    """
    table = adata.uns[key][_keys.SETS]
    if column not in table:
        msg = f"COLUMNS must name a column of the set table, got {column!r}. Columns: {list(table)}."
        raise KeyError(msg)
    values = [_as_known(table[column], text) for text in texts]
    unknown = [value for value in values if not (table[column] == value).any()]
    if unknown:
        msg = f"`--only` must be values of {column!r}, got {unknown[0]!r}. Values: {table[column].unique().tolist()}."
        raise ValueError(msg)
    table[column] = table[column].astype(object).where(table[column].isin(values))


def _as_known(values: Any, text: str) -> Any:
    """The value that is written as ``text``, which may be a number; the text itself where there is none."""
    return next((value for value in values if str(value) == text), text)
