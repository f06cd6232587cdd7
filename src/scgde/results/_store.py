"""What a fit writes to an AnnData, and the model that an AnnData holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

import anndata as ad
import numpy as np
import pandas as pd

from scgde import _keys
from scgde._checks import check_groupby, check_key, check_set_table
from scgde.data import fingerprint
from scgde.model import GDE, TDE
from scgde.model._io import Stored, from_entry, plain, read_folder, to_text_and_bytes
from scgde.sets._own_columns import add_own_columns, check_free, computed_columns, is_fit_entry
from scgde.sets._views import materialize

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from anndata import AnnData

    from scgde._types import Config, GroupBy
    from scgde.data import CellSets

ModelT = TypeVar("ModelT", GDE, TDE)


def write_fit(
    adata: AnnData,
    cells: CellSets,
    embedding: np.ndarray,
    model: GDE | TDE,
    params: Config,
    *,
    key: str,
    columns: Mapping[str, Any] | None = None,
    **extra: Any,
) -> None:
    """Write the entries of a fit, all of them or, if any cannot be made, none.

    Parameters
    ----------
    adata
        Cells. A view becomes an AnnData of its own.
    cells
        The same in sets.
    embedding
        Shape ``(n_sets, E)``.
    model
        Trained.
    params
        Plain values.
    key
        Where all is written.
    columns
        What the fit adds to the set table, by name; see :func:`scgde.sets._own_columns.add_own_columns`.
    **extra
        Further entries of ``uns[key]``.
    """
    codes = cells.index.codes(adata.n_obs)
    per_cell = np.full((adata.n_obs, embedding.shape[1]), np.nan, dtype=np.float32)
    inside = codes >= 0
    per_cell[inside] = embedding[codes[inside]]
    table, own = add_own_columns(cells.table, key, {_keys.N_CELLS: cells.index.sizes, **(columns or {})})
    written = [name for name in computed_columns({key: adata.uns.get(key)}) if name in adata.obs]
    content = {
        _keys.SETS: table,
        _keys.EMBEDDING: np.array(embedding),  # pandas lends views that cannot be written to
        _keys.FINGERPRINT: fingerprint(cells, adata.obs_names),
        _keys.OWN_COLUMNS: np.array([*own, *written], dtype=object),
        _keys.PARAMS: params,
        _keys.HISTORY: model.history,
        _keys.MODEL: to_entry(model),
        **extra,
    }
    materialize(adata)
    adata.obs[_keys.set_column(key)] = pd.Categorical.from_codes(codes, pd.Index(table.index, name=None))
    adata.obsm[_keys.cell_embedding(key)] = per_cell
    adata.uns[key] = content


def write_entries(adata: AnnData, key: str, content: Config, **entries: Any) -> None:
    """Write entries of a fit beside those that were read with :func:`read_entries`. A view becomes an AnnData."""
    materialize(adata)
    adata.uns[key] = {**content, **entries}


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
    stored = from_entry(adata.uns[key][_keys.MODEL], origin=f"`adata.uns[{key!r}]['model']`")
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


def check_writable(adata: AnnData, key: str, *, reads: Sequence[str | None] = (), label_key: str | None = None) -> None:
    """Require that results can be written under ``key``, over an earlier fit or where names are free.

    Parameters
    ----------
    adata
        Cells.
    key
        Name of the results, the argument ``key_added``.
    reads
        Entries of ``obsm`` that are read.
    label_key
        Label that is predicted.

    Raises
    ------
    ValueError
        If ``key`` is no name that files can hold, or ``adata`` is a view of a file, or an entry is not of an earlier
        fit.
    """
    check_key(key, "key_added")
    check_not_backed_view(adata)
    column, entry = _keys.set_column(key), _keys.cell_embedding(key)
    found = adata.uns.get(key)
    is_fit = is_fit_entry(found)
    # Without `uns`, as after `anndata.concat`, the two others together are those of a fit.
    is_ours = is_fit or (found is None and column in adata.obs and entry in adata.obsm)
    others = {"uns": (key, adata.uns), "obs": (column, adata.obs), "obsm": (entry, adata.obsm)}
    taken = [f"adata.{where}[{name!r}]" for where, (name, holder) in others.items() if name in holder and not is_ours]
    if entry in reads:
        taken = [f"adata.obsm[{entry!r}], which is read,"]
    if taken:
        msg = (
            f"`key_added` must be a name that is free or of an earlier fit, but {key!r} would overwrite "
            f"{' and '.join(taken)}. Choose another name."
        )
        raise ValueError(msg)
    if label_key is not None:
        check_free(adata, key, [f"{label_key}_predicted"], "label_key")


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


def without_own_columns(adata: AnnData, groupby: GroupBy, key: str) -> pd.DataFrame:
    """``obs`` without what fits wrote: sets of this key, predictions; unless sets are grouped by it."""
    own = {_keys.set_column(key), *computed_columns(adata.uns)} - set(check_groupby(groupby))
    return adata.obs.drop(columns=list(own), errors="ignore")


def _class_of(stored: Stored) -> type[GDE | TDE]:
    return TDE if stored.config.get("class") == TDE.__name__ else GDE


def _without_none(params: Config) -> Config:
    nested = {name: _without_none(value) if isinstance(value, dict) else value for name, value in params.items()}
    return {name: value for name, value in nested.items() if value is not None}
