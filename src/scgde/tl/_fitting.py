"""What every fit needs: a model of the sets, what each set is used for, and what is told about it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd

from scgde import __version__, _keys
from scgde._checks import check_columns, check_fraction
from scgde.data import hold_out, hold_out_pairs
from scgde.model import GDE, TDE
from scgde.model._decoder import PCADecoder, find_decoder
from scgde.tl._carried import storable
from scgde.tl._source import PCA, Source, is_numeric, shell

if TYPE_CHECKING:
    from anndata import AnnData

    from scgde._types import Config
    from scgde.sets._grouping import Grouping

ModelT = TypeVar("ModelT", GDE, TDE)

DEFAULT_STEPS = 1000
_PARTS = ("train_sets", "validation_sets")


def model_of(cls: type[ModelT], data: AnnData, **options: Any) -> ModelT:
    """Model of data that scvi-tools does not keep alive."""
    cls.setup_anndata(data, set_key="set")
    try:
        return cls(data, **options)
    finally:
        cls.forget(data)


def model_of_sets(
    cls: type[ModelT], adata: AnnData, source: Source, grouping: Grouping, told: Config, **options: Any
) -> ModelT:
    """Model of the sets of ``adata`` that knows, for other cells, what its features are and what it was ``told``."""
    sets = pd.Series(pd.Categorical.from_codes(grouping.codes, grouping.table.index))
    model = model_of(cls, shell(adata, source, sets), **options)
    model.source = {**source._asdict(), "names": source.names(adata), **told}
    model.decoder = _decoder_of(adata, source)
    return model


def params_of(source: Source, *, mask: Any, set_weights: Any, **options: Any) -> Config:
    """Options of a fit as an AnnData carries them; of masks and weights, the columns that hold them."""
    columns = {name: value for name, value in (("mask", mask), ("set_weights", set_weights)) if isinstance(value, str)}
    return storable({**source._asdict(), **columns, **options, "version": __version__})


def parts_of_sets(
    adata: AnnData,
    table: pd.DataFrame,
    split_key: str | None,
    validation_fraction: float,
    seed: int,
    *,
    links: np.ndarray | None = None,
) -> dict[str, Any]:
    """Names of the sets to train and to validate on; a random split does not part sets that ``links`` join."""
    if split_key is None:
        share = check_fraction(validation_fraction, "validation_fraction")
        split = hold_out if links is None else partial(hold_out_pairs, links)
        rows = zip(_PARTS, split(len(table), share, seed=seed), strict=True)
        return {name: table.index[part].tolist() for name, part in rows}
    check_columns(adata.obs, [split_key], "split_key")
    if split_key not in table:
        msg = f"`split_key` must be constant within sets, got {split_key!r}. See `scgde.pp.split_sets`."
        raise ValueError(msg)
    column = table[split_key]
    parts = {f"{part}_sets": column.index[column == part].tolist() for part in ("train", "validation")}
    if len(parts["train_sets"]) < 2:
        found = column.dropna().unique().tolist()
        msg = f'`split_key` must name a column with the value "train" for at least two sets, got {found}.'
        raise ValueError(msg)
    return parts


def weights_of_sets(obs: pd.DataFrame, table: pd.DataFrame, set_weights: str | pd.Series | None) -> pd.Series | None:
    """Weight of each set by name."""
    if set_weights is None or isinstance(set_weights, pd.Series):
        return set_weights
    if not isinstance(set_weights, str):
        msg = f"`set_weights` must be a column of `adata.obs` or a Series, got {type(set_weights).__name__}."
        raise TypeError(msg)
    check_columns(obs, [set_weights], "set_weights")
    if set_weights not in table:
        msg = f"`set_weights` must be constant within sets, got {set_weights!r}. See `scgde.pp.set_weights`."
        raise ValueError(msg)
    return table[set_weights]


def with_roles(table: pd.DataFrame, parts: dict[str, list[str]], weights: pd.Series | None) -> pd.DataFrame:
    """The set table with what the fit used each set for and, where some were drawn more often, its weight."""
    codes = np.full(len(table), _keys.ROLES.index("held out"))
    for role in ("train", "validation"):
        codes[table.index.isin(parts[f"{role}_sets"])] = _keys.ROLES.index(role)
    columns: dict[str, Any] = {_keys.ROLE: pd.Categorical.from_codes(codes, pd.Index(_keys.ROLES))}
    if weights is not None:
        columns[_keys.WEIGHT] = weights.reindex(table.index).astype(float)
    return table.assign(**columns)


def _decoder_of(adata: AnnData, source: Source) -> PCADecoder | None:
    """The way from principal components back to genes, where there is one."""
    if source.use_rep != PCA or adata.X is None or not is_numeric(adata.X):
        return None
    return find_decoder(adata.X, np.asarray(adata.obsm[PCA]), adata.varm.get("PCs"), adata.var_names.tolist())
