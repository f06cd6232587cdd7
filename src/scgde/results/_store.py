"""What a fit writes to an AnnData, and the model that an AnnData holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

import anndata as ad
import numpy as np
import pandas as pd

from scgde import _keys
from scgde._checks import check_groupby, check_set_table
from scgde.model import GDE, TDE
from scgde.model._io import Stored, from_text_and_bytes, plain, read_folder, to_text_and_bytes
from scgde.sets._views import materialize

if TYPE_CHECKING:
    from anndata import AnnData

    from scgde._types import Config, GroupBy

ModelT = TypeVar("ModelT", GDE, TDE)


def write_fit(
    adata: AnnData,
    codes: np.ndarray,
    table: pd.DataFrame,
    embedding: np.ndarray,
    model: GDE | TDE,
    params: Config,
    *,
    key: str,
    **extra: Any,
) -> None:
    """Write the entries of a fit, all of them or, if any cannot be made, none.

    Parameters
    ----------
    adata
        Cells. A view becomes an AnnData of its own.
    codes
        Set of each cell, a row of ``table``, -1 for none, shape ``(n_obs,)``.
    table
        One row per set.
    embedding
        Shape ``(n_sets, E)``.
    model
        Trained.
    params
        Plain values.
    key
        Where all is written.
    **extra
        Further entries of ``uns[key]``.
    """
    per_cell = np.full((adata.n_obs, embedding.shape[1]), np.nan, dtype=np.float32)
    inside = codes >= 0
    per_cell[inside] = embedding[codes[inside]]
    content = {
        _keys.SETS: table,
        _keys.EMBEDDING: np.array(embedding),  # pandas lends views that cannot be written to
        _keys.PARAMS: params,
        _keys.HISTORY: model.history,
        _keys.MODEL: to_entry(model),
        **extra,
    }
    materialize(adata)
    adata.obs[_keys.set_column(key)] = pd.Categorical.from_codes(codes, pd.Index(table.index, name=None))
    adata.obsm[_keys.cell_embedding(key)] = per_cell
    adata.uns[key] = content


def to_entry(model: GDE | TDE) -> dict[str, Any]:
    """A model as an AnnData holds it."""
    config, state = to_text_and_bytes(model.to_stored())
    return {_keys.CONFIG: config, _keys.STATE: state}


@overload
def read_model(adata: AnnData, key: str) -> GDE | TDE: ...
@overload
def read_model(adata: AnnData, key: str, cls: type[ModelT]) -> ModelT: ...
def read_model(adata: AnnData, key: str, cls: type[GDE | TDE] | None = None) -> GDE | TDE:
    """The model in ``adata.uns[key]``.

    Raises
    ------
    KeyError
        If there is none.
    ValueError
        If it is not one of the class ``cls``.
    """
    made_by = "scgde.tl.fit_tde" if cls is TDE else "scgde.tl.fit_gde"
    check_set_table(adata.uns, key, entry=_keys.MODEL, made_by=made_by)
    entry = adata.uns[key][_keys.MODEL]
    stored = from_text_and_bytes(entry[_keys.CONFIG], entry[_keys.STATE], origin=f"`adata.uns[{key!r}]['model']`")
    return _class_of(stored).from_stored(stored) if cls is None else cls.from_stored(stored)


def resolve_reference(reference: AnnData | GDE | TDE | str | Path, key: str) -> GDE | TDE:
    """The model of a fitted AnnData, of a saved path, or itself."""
    if isinstance(reference, GDE | TDE):
        return reference
    if isinstance(reference, ad.AnnData):
        return read_model(reference, key)
    if isinstance(reference, str | Path):
        stored = read_folder(reference)
        return _class_of(stored).from_stored(stored)
    msg = f"`reference` must be a fitted AnnData, a model of `scgde.model` or a path, got {type(reference).__name__}."
    raise TypeError(msg)


def to_storable(params: Config) -> Config:
    """Options as h5ad and zarr can hold them: plain values, and those that are None left out."""
    return _without_none(plain(params, "options"))


def check_key(key: Any, argument: str) -> str:
    """Require a name that AnnData files can hold."""
    if not isinstance(key, str) or not key or "/" in key:
        msg = f"`{argument}` must be a name without '/', got {key!r}."
        raise ValueError(msg)
    return key


def check_not_backed_view(adata: AnnData) -> None:
    """Require that results can be written: AnnData cannot turn a view of a file into an object of its own."""
    if not isinstance(adata.obs, pd.DataFrame):
        msg = (
            f"`adata.obs` must be a DataFrame in memory, got {type(adata.obs).__name__}. "
            "Call `adata.obs = adata.obs.to_memory()` first; matrices may stay lazy."
        )
        raise TypeError(msg)
    if adata.isbacked and adata.is_view:
        msg = "`adata` must not be a view of a backed file, which nothing can be written to. Call `.to_memory()` first."
        raise ValueError(msg)


def without_own_columns(obs: pd.DataFrame, groupby: GroupBy, key: str) -> pd.DataFrame:
    """``obs`` without what an earlier fit under this key wrote, unless sets are grouped by it."""
    own = _keys.set_column(key)
    return obs if own in check_groupby(groupby) else obs.drop(columns=own, errors="ignore")


def _class_of(stored: Stored) -> type[GDE | TDE]:
    return TDE if stored.config.get("class") == TDE.__name__ else GDE


def _without_none(params: Config) -> Config:
    nested = {name: _without_none(value) if isinstance(value, dict) else value for name, value in params.items()}
    return {name: value for name, value in nested.items() if value is not None}
