"""What a fit writes to an AnnData, and the model that an AnnData carries."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import anndata as ad
import numpy as np
import pandas as pd

from scgde import _keys
from scgde._checks import check_set_table
from scgde.model import GDE
from scgde.model._io import from_text_and_bytes, to_text_and_bytes
from scgde.pp._views import make_actual

if TYPE_CHECKING:
    from anndata import AnnData

    from scgde._types import Config
    from scgde.pp._grouping import Grouping


def write_results(adata: AnnData, grouping: Grouping, embedding: np.ndarray, model: GDE, params: Config, *, key: str) -> None:
    """Write the entries of a fit, all of them or (if any cannot be made) none."""
    config, state = to_text_and_bytes(model.to_stored())
    sets = pd.Series(pd.Categorical.from_codes(grouping.codes, grouping.table.index), index=adata.obs_names)
    per_cell = np.full((adata.n_obs, embedding.shape[1]), np.nan, dtype=np.float32)
    inside = grouping.codes >= 0
    per_cell[inside] = embedding[grouping.codes[inside]]
    content = {
        _keys.SETS: grouping.table,
        _keys.EMBEDDING: embedding,
        _keys.PARAMS: params,
        _keys.HISTORY: model.history,
        _keys.MODEL: {_keys.CONFIG: config, _keys.STATE: state},
    }
    make_actual(adata)
    adata.obs[_keys.set_column(key)] = sets
    adata.obsm[_keys.cell_embedding(key)] = per_cell
    adata.uns[key] = content


def read_model(adata: AnnData, key: str) -> GDE:
    """The model that ``adata.uns[key]`` carries.

    Raises
    ------
    KeyError
        If there is none.
    """
    check_set_table(adata.uns, key, entry=_keys.MODEL, made_by="scgde.tl.fit_gde")
    stored = adata.uns[key][_keys.MODEL]
    origin = f"`adata.uns[{key!r}]['model']`"
    return GDE.from_stored(from_text_and_bytes(stored[_keys.CONFIG], stored[_keys.STATE], origin=origin))


def resolve_reference(reference: AnnData | GDE | str | Path, key: str) -> GDE:
    """The model of a fitted AnnData, of a saved path, or itself."""
    if isinstance(reference, GDE):
        return reference
    if isinstance(reference, ad.AnnData):
        return read_model(reference, key)
    if isinstance(reference, str | Path):
        return GDE.load(reference)
    msg = f"`reference` must be a fitted AnnData, a `scgde.model.GDE` or a path, got {type(reference).__name__}."
    raise TypeError(msg)


def plain(value: Any) -> Any:
    """``value`` as something that h5ad and zarr can hold: no None, no tuples."""
    if value is None:
        return "none"
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return value
