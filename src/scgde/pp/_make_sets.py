from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scgde import _keys
from scgde._checks import check_groupby, check_key
from scgde._hints import checked_keywords
from scgde.sets._grouping import group_cells
from scgde.sets._grouping_warnings import warn_of_sets
from scgde.sets._own_columns import add_own_columns, is_fit_entry
from scgde.sets._views import materialize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData

    from scgde._types import GroupBy


@checked_keywords
def make_sets(
    adata: AnnData,
    groupby: GroupBy,
    *,
    min_cells: int = 2,
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
        Smaller sets are dropped, with one warning that names them; by default those of one cell.
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
        If no set is left, two sets would have one name, or ``key_added`` is the name of something else.

    Examples
    --------
    >>> import scgde
    >>> adata = scgde.datasets.cohort(6, seed=0)
    >>> scgde.pp.make_sets(adata, ["donor", "cell_type"], min_cells=5)
    >>> adata.uns["set"]["sets"].index[0]
    'donor_0|type_a'
    """
    columns, key_added = check_groupby(groupby), check_key(key_added, "key_added")
    if key_added in columns:
        msg = f"`key_added` must not overwrite a column of `groupby`, got {key_added!r}. Choose another name."
        raise ValueError(msg)
    _check_free(adata, key_added)
    # Sets from an earlier call are no attribute of the new ones.
    obs = adata.obs.drop(columns=key_added, errors="ignore")
    grouping = group_cells(obs, columns, min_cells=min_cells, mask=mask)
    warn_of_sets(obs, grouping, columns, min_cells, {})

    table, own = add_own_columns(grouping.table, key_added, {_keys.N_CELLS: np.bincount(grouping.codes + 1)[1:]})
    earlier = adata.uns.get(key_added, {}).get(_keys.OWN_COLUMNS, [])
    written = [str(name) for name in earlier if name not in own and name in adata.obs]
    materialize(adata)
    adata.obs[key_added] = pd.Categorical.from_codes(grouping.codes, grouping.table.index.rename(None))
    adata.uns[key_added] = {
        _keys.SETS: table,
        _keys.OWN_COLUMNS: np.array([*own, *written], dtype=object),
        _keys.DROPPED: grouping.dropped,
        _keys.PARAMS: _params(columns, min_cells, mask),
    }


def _check_free(adata: AnnData, key: str) -> None:
    """Require names that are free, or of sets that were made before."""
    content = adata.uns.get(key)
    if isinstance(content, Mapping) and _keys.DROPPED in content and not is_fit_entry(content):
        return
    taken = [f"adata.{name}[{key!r}]" for name in ("obs", "uns") if key in getattr(adata, name)]
    if taken:
        msg = (
            f"`key_added` must be a name that is free or of earlier sets, but {key!r} would overwrite "
            f"{' and '.join(taken)}. Choose another name."
        )
        raise ValueError(msg)


def _params(columns: list[str], min_cells: int, mask: object) -> dict[str, list[str] | int | str]:
    params: dict[str, list[str] | int | str] = {"groupby": columns, "min_cells": int(min_cells)}
    if mask is not None:
        params["mask"] = mask if isinstance(mask, str) else "array"
    return params
