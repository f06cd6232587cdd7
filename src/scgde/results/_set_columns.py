"""Columns with one value per set: read from the set table or ``obs``, and predictions written to both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scgde import _keys
from scgde.sets import SetCovariate
from scgde.sets._columns import per_set_column
from scgde.sets._set_table import rows_of_cells, write_set_columns

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from anndata import AnnData

    from scgde.model import GDE

#: Columns that a fit itself writes into the set table.
OWN_COLUMNS = (_keys.SPLIT, _keys.WEIGHT)


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
        table, codes = adata.obs, None
    else:
        table = adata.uns[key][_keys.SETS]
        codes = rows_of_cells(adata.obs[_keys.set_column(key)], table)
    # A column of the user's that is called as one of ours is meant before ours.
    if name in table and (codes is None or name not in OWN_COLUMNS or name not in adata.obs):
        return table[name]
    if codes is None or name not in adata.obs:
        columns = list(dict.fromkeys([*table, *adata.obs]))
        msg = f"`{argument}` must name a column of the set table or of `adata.obs`, got {name!r}. Columns: {columns}."
        raise KeyError(msg)
    return per_set_column(adata.obs, codes, table.index, name, argument)


def write_predictions(adata: AnnData, model: GDE, key: str) -> None:
    """Write what a model with a label predicts of all sets."""
    name = (model.fitted_on or {})["label_key"]
    outputs = model.predict(adata.uns[key][_keys.EMBEDDING])
    write_outputs(adata, SetCovariate.of_classes(name, model.label_classes), outputs, key)


def write_outputs(adata: AnnData, label: SetCovariate, outputs: np.ndarray, key: str) -> None:
    """Write outputs for a label, one row per set, into the set table and ``obs``; see :meth:`SetCovariate.decode`."""
    write_set_columns(adata, key, label.decode(outputs), set_column=_keys.set_column(key))
