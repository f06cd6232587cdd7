from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from scgde import _keys
from scgde._checks import check_groupby
from scgde.sets._grouping import group_cells, warn_dropped
from scgde.sets._views import materialize

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from anndata import AnnData

    from scgde._types import GroupBy


def make_sets(
    adata: AnnData,
    groupby: GroupBy,
    *,
    min_cells: int = 10,
    mask: np.ndarray | pd.Series | Sequence[bool] | str | None = None,
    key_added: str = "set",
) -> None:
    """Group cells into sets by one or several columns of ``adata.obs``.

    Parameters
    ----------
    adata
        Cells. A view becomes an AnnData of its own.
    groupby
        Column or columns that together name a set. A cell with a missing value in one of them is in no set.
    min_cells
        Smaller sets are dropped, with one warning that names them.
    mask
        Boolean array of shape ``(n_obs,)``, or the name of a boolean column: cells with False are in no set.
    key_added
        Where the sets are written.

    Returns
    -------
    None. Writes

    - ``adata.obs[key_added]``: the set of each cell, categorical, missing for cells in no kept set. Names of
      sets from several columns join the values with ``"|"``.
    - ``adata.uns[key_added]["sets"]``: one row per set: the group columns, ``n_cells``, and every other
      column of ``obs`` that is constant within sets.
    - ``adata.uns[key_added]["dropped"]``: the sets that were too small.
    - ``adata.uns[key_added]["params"]``: the arguments.

    Raises
    ------
    KeyError
        If a column is missing.
    ValueError
        If no set is left, two sets would have one name, or ``key_added`` is one of the group columns.
    """
    columns = check_groupby(groupby)
    if key_added in columns:
        msg = f"`key_added` must not overwrite a column of `groupby`, got {key_added!r}. Choose another name."
        raise ValueError(msg)
    # Sets from an earlier call are no attribute of the new ones.
    obs = adata.obs.drop(columns=key_added, errors="ignore")
    grouping = group_cells(obs, columns, min_cells=min_cells, mask=mask)
    warn_dropped(grouping.dropped, min_cells)

    materialize(adata)
    adata.obs[key_added] = pd.Categorical.from_codes(grouping.codes, grouping.table.index.rename(None))
    adata.uns[key_added] = {
        _keys.SETS: grouping.table,
        _keys.DROPPED: grouping.dropped,
        _keys.PARAMS: _params(columns, min_cells, mask),
    }


def _params(columns: list[str], min_cells: int, mask: object) -> dict[str, list[str] | int | str]:
    params: dict[str, list[str] | int | str] = {"groupby": columns, "min_cells": int(min_cells)}
    if mask is not None:
        params["mask"] = mask if isinstance(mask, str) else "array"
    return params
