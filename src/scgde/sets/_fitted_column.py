"""Columns with one value per set, read from the set table of a fit or from ``obs``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scgde import _keys
from scgde._columns import known_values
from scgde._hints import did_you_mean
from scgde.sets._columns import per_set_column
from scgde.sets._entries import read_entries
from scgde.sets._own_columns import own_columns
from scgde.sets._set_table import rows_of_cells

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from anndata import AnnData


def set_column(adata: AnnData, name: str, argument: str, key: str | None) -> pd.Series:
    """One value per set: a column of the set table, or one of ``obs`` that was added since.

    Parameters
    ----------
    adata
        A fitted AnnData or, with ``key`` None, one of sets.
    name, argument
        Name of the column, and of the argument that gave it, for messages.
    key
        Name under which the fit was written.

    Raises
    ------
    KeyError
        If there is no such column.
    ValueError
        If it varies within sets.
    """
    if key is None:
        return known_values(_column(adata.obs, {}, name, argument))
    content = read_entries(adata, key)
    table, own = content[_keys.SETS], own_columns(content)
    # A column of the user's that is called as one of ours is meant before ours.
    if name not in adata.obs or (name in table and name not in own):
        return known_values(_column(table, adata.obs, name, argument))
    codes = rows_of_cells(adata.obs[_keys.set_column(key)], table)
    return known_values(per_set_column(adata.obs, codes, table.index, name, argument))


def _column(table: pd.DataFrame, others: Iterable[str], name: str, argument: str) -> pd.Series:
    if name not in table:
        columns = list(dict.fromkeys([*table, *others]))
        msg = (
            f"`{argument}` must name a column of the set table or of `adata.obs`, got {name!r}. Columns: {columns}."
            f"{did_you_mean(name, columns)}"
        )
        raise KeyError(msg)
    return table[name]
