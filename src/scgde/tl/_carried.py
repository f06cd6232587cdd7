"""What a fit writes to an AnnData, and the model that an AnnData carries."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import anndata as ad
import numpy as np
import pandas as pd

from scgde import _keys
from scgde._checks import check_groupby, check_set_table
from scgde.data import SetIndex
from scgde.model import GDE, TDE
from scgde.model._io import Stored, from_text_and_bytes, plain, read_folder, to_text_and_bytes
from scgde.sets._set_table import rows_of_cells
from scgde.sets._views import materialize

if TYPE_CHECKING:
    from anndata import AnnData

    from scgde._types import Config, GroupBy
    from scgde.sets._grouping import Grouping


def write_results(
    adata: AnnData,
    grouping: Grouping,
    embedding: np.ndarray,
    model: GDE | TDE,
    params: Config,
    *,
    key: str,
    **extra: Any,
) -> None:
    """Write the entries of a fit, all of them or (if any cannot be made) none; ``extra`` ones under ``uns[key]``."""
    stored = stored_model(model)
    sets = pd.Categorical.from_codes(grouping.codes, pd.Index(grouping.table.index, name=None))
    per_cell = np.full((adata.n_obs, embedding.shape[1]), np.nan, dtype=np.float32)
    inside = grouping.codes >= 0
    per_cell[inside] = embedding[grouping.codes[inside]]
    content = {
        _keys.SETS: grouping.table,
        _keys.EMBEDDING: np.array(embedding),  # pandas lends views that cannot be written to
        _keys.PARAMS: params,
        _keys.HISTORY: model.history,
        _keys.MODEL: stored,
        **extra,
    }
    materialize(adata)
    adata.obs[_keys.set_column(key)] = sets
    adata.obsm[_keys.cell_embedding(key)] = per_cell
    adata.uns[key] = content


def stored_model(model: GDE | TDE) -> dict[str, Any]:
    """A model as an AnnData holds it."""
    config, state = to_text_and_bytes(model.to_stored())
    return {_keys.CONFIG: config, _keys.STATE: state}


def read_model(adata: AnnData, key: str) -> GDE | TDE:
    """The model that ``adata.uns[key]`` carries.

    Raises
    ------
    KeyError
        If there is none.
    """
    return _from_stored(_stored(adata, key, made_by="scgde.tl.fit_gde"))


def read_gde(adata: AnnData, key: str) -> GDE:
    """The generative model that ``adata.uns[key]`` carries; see :func:`read_model`."""
    return GDE.from_stored(_stored(adata, key, made_by="scgde.tl.fit_gde"))


def read_tde(adata: AnnData, key: str) -> TDE:
    """The transport model that ``adata.uns[key]`` carries; see :func:`read_model`."""
    return TDE.from_stored(_stored(adata, key, made_by="scgde.tl.fit_tde"))


def resolve_reference(reference: AnnData | GDE | TDE | str | Path, key: str) -> GDE | TDE:
    """The model of a fitted AnnData, of a saved path, or itself."""
    if isinstance(reference, GDE | TDE):
        return reference
    if isinstance(reference, ad.AnnData):
        return read_model(reference, key)
    if isinstance(reference, str | Path):
        return _from_stored(read_folder(reference))
    msg = f"`reference` must be a fitted AnnData, a model of `scgde.model` or a path, got {type(reference).__name__}."
    raise TypeError(msg)


def _stored(adata: AnnData, key: str, *, made_by: str) -> Stored:
    check_set_table(adata.uns, key, entry=_keys.MODEL, made_by=made_by)
    stored = adata.uns[key][_keys.MODEL]
    return from_text_and_bytes(stored[_keys.CONFIG], stored[_keys.STATE], origin=f"`adata.uns[{key!r}]['model']`")


def _from_stored(stored: Stored) -> GDE | TDE:
    return (TDE if stored.config.get("class") == TDE.__name__ else GDE).from_stored(stored)


def storable(params: Config) -> Config:
    """Options as h5ad and zarr can hold them: plain values, and those that are None left out."""
    return _without_none(plain(params, "options"))


def _without_none(params: Config) -> Config:
    nested = {name: _without_none(value) if isinstance(value, dict) else value for name, value in params.items()}
    return {name: value for name, value in nested.items() if value is not None}


def check_key(key: Any, argument: str) -> str:
    """Require a name that AnnData files can hold."""
    if not isinstance(key, str) or not key or "/" in key:
        msg = f"`{argument}` must be a name without '/', got {key!r}."
        raise ValueError(msg)
    return key


def own_columns_dropped(obs: pd.DataFrame, groupby: GroupBy, key: str) -> pd.DataFrame:
    """``obs`` without what an earlier fit under this key wrote, unless sets are grouped by it."""
    own = _keys.set_column(key)
    return obs if own in check_groupby(groupby) else obs.drop(columns=own, errors="ignore")


def stored_index(adata: AnnData, table: pd.DataFrame, key: str) -> SetIndex:
    """Cells of each row of the set table, also where the AnnData was subset since."""
    return SetIndex.from_codes(rows_of_cells(adata.obs[_keys.set_column(key)], table), len(table))
