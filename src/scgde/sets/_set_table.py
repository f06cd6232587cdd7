"""The table of sets in ``uns``, and columns that stand both there and in ``obs``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scgde import _keys
from scgde.sets._own_columns import own_columns
from scgde.sets._views import materialize

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anndata import AnnData

    from scgde._types import Config


def rows_of_cells(sets: pd.Series, table: pd.DataFrame) -> np.ndarray:
    """Row of the set table of each cell from a column of names, -1 for a cell in none of its sets, ``(n_obs,)``."""
    column = pd.Categorical(sets)
    rows = np.append(table.index.get_indexer(column.categories), -1)  # the last entry serves code -1
    return rows[column.codes]


def write_set_columns(
    adata: AnnData, key: str, columns: Mapping[str, Any], *, set_column: str, content: Config | None = None
) -> None:
    """Write columns with one value per set into the set table and into ``obs``, missing for cells in no set.

    Parameters
    ----------
    adata
        Cells with sets. A view becomes an AnnData of its own.
    key
        Where the set table is.
    columns
        Values in the order of the set table, by name; see :func:`scgde.sets._own_columns.check_free`.
    set_column
        Column of ``obs`` that names the set of each cell.
    content
        All entries under ``key`` as :func:`scgde.sets._entries.read_entries` gives them, which replace those that are
        stored; by default these.
    """
    materialize(adata)
    content = dict(adata.uns[key]) if content is None else content
    table = content[_keys.SETS]
    rows = rows_of_cells(adata.obs[set_column], table)
    per_set = {name: pd.Series(values).set_axis(table.index) for name, values in columns.items()}
    # Cells in no set have neither True nor False.
    per_set |= {name: values.astype("boolean") for name, values in per_set.items() if values.dtype == bool}
    own = np.array(list(dict.fromkeys([*own_columns(content), *columns])), dtype=object)
    adata.uns[key] = {**content, _keys.SETS: table.assign(**per_set), _keys.OWN_COLUMNS: own}
    for name, values in per_set.items():
        adata.obs[name] = values.reset_index(drop=True).reindex(rows).set_axis(adata.obs_names)
