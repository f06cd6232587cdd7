"""What a fit writes to an AnnData, and the model that an AnnData holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

import anndata as ad
import numpy as np
import pandas as pd

from scgde import _keys
from scgde._checks import check_set_table
from scgde.data import fingerprint
from scgde.model._base_gde import BaseGDE
from scgde.model._base_tde import BaseTDE
from scgde.model._io import Stored, StoredModelError, from_entry, read_folder, to_text_and_bytes
from scgde.sets._own_columns import add_own_columns, computed_columns
from scgde.sets._views import materialize

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anndata import AnnData

    from scgde._types import Config
    from scgde.data import CellSets

ModelT = TypeVar("ModelT", BaseGDE, BaseTDE)


def write_fit(
    adata: AnnData,
    cells: CellSets,
    embedding: np.ndarray,
    model: BaseGDE | BaseTDE,
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
    per_cell = _per_cell(embedding, codes)
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


def _per_cell(embedding: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Embedding of the set of each cell, NaN for code -1, float32 of shape ``(n_obs, E)``; it is allocated once."""
    return np.pad(embedding.astype(np.float32), [(0, 1), (0, 0)], constant_values=np.nan)[codes]


def write_entries(adata: AnnData, key: str, content: Config, **entries: Any) -> None:
    """Write entries of a fit beside those that were read with :func:`read_entries`. A view becomes an AnnData."""
    materialize(adata)
    adata.uns[key] = {**content, **entries}


def to_entry(model: BaseGDE | BaseTDE) -> dict[str, Any]:
    """A model as an AnnData holds it."""
    config, state = to_text_and_bytes(model.to_stored())
    return {_keys.CONFIG: config, _keys.STATE: state}


@overload
def read_model(adata: AnnData, key: str) -> BaseGDE | BaseTDE: ...
@overload
def read_model(adata: AnnData, key: str, cls: type[ModelT]) -> ModelT: ...
def read_model(adata: AnnData, key: str, cls: Any = None) -> Any:
    """The model in ``adata.uns[key]``.

    Raises
    ------
    KeyError
        If there is none.
    StoredModelError
        If it is not one of the class ``cls``.
    """
    made_by = _fit_function(cls or BaseGDE)
    check_set_table(adata.uns, key, entry=_keys.MODEL, made_by=made_by)
    stored = from_entry(adata.uns[key][_keys.MODEL], origin=f"`adata.uns[{key!r}]['model']`")
    found = _class_of(stored)
    if cls is not None and cls.stored_as != found.stored_as == stored.config.get("class"):
        msg = (
            f"`adata.uns[{key!r}]` must hold a fit of `{made_by}`, got one of `{_fit_function(found)}`. "
            "Pass the `key_added` of the other fit as `key`."
        )
        raise StoredModelError(msg)
    return (cls or found).from_stored(stored)


def _fit_function(cls: type[BaseGDE | BaseTDE]) -> str:
    return f"scgde.tl.fit_{cls.stored_as.lower()}"


def resolve_reference(reference: AnnData | BaseGDE | BaseTDE | str | Path, key: str) -> BaseGDE | BaseTDE:
    """The model of a fitted AnnData, of a saved path, or itself."""
    if isinstance(reference, BaseGDE | BaseTDE):
        return reference
    if isinstance(reference, ad.AnnData):
        return read_model(reference, key)
    if isinstance(reference, str | Path):
        stored = read_folder(reference)
        return _class_of(stored).from_stored(stored)
    msg = f"`reference` must be a fitted AnnData, a model of `scgde.model` or a path, got {type(reference).__name__}."
    raise TypeError(msg)


def _class_of(stored: Stored) -> type[BaseGDE | BaseTDE]:
    return BaseTDE if stored.config.get("class") == BaseTDE.stored_as else BaseGDE
