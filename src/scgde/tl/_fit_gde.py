from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scgde import __version__, _keys
from scgde._checks import check_at_least_two_sets, check_columns, check_count, check_fraction
from scgde.model import GDE
from scgde.model._decoder import PCADecoder, find_decoder
from scgde.pp._grouping import group_cells, warn_dropped
from scgde.sets import hold_out
from scgde.tl._carried import check_key, own_columns_dropped, storable, write_results
from scgde.tl._source import (
    PCA,
    Source,
    check_features,
    check_not_backed_view,
    choose_source,
    is_numeric,
    shell,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from anndata import AnnData

    from scgde._types import GroupBy
    from scgde.pp._grouping import Grouping

DEFAULT_STEPS = 1000
_PARTS = ("train_sets", "validation_sets")


def fit_gde(
    adata: AnnData,
    groupby: GroupBy,
    *,
    use_rep: str | None = None,
    layer: str | None = None,
    mask: np.ndarray | pd.Series | Sequence[bool] | str | None = None,
    min_cells: int = 10,
    encoder: str = "pooled_gnn",
    generator: str = "flow_matching",
    n_latent: int = 32,
    isometry: float = 0.0,
    scaling: str | None = None,
    split_key: str | None = None,
    validation_fraction: float = 0.1,
    max_steps: int | None = None,
    sets_per_batch: int = 64,
    set_size: int = 100,
    accelerator: str = "auto",
    checkpoint_dir: str | Path | None = None,
    progress_bar: bool = True,
    seed: int = 0,
    key_added: str = "gde",
    encoder_kwargs: dict[str, Any] | None = None,
    generator_kwargs: dict[str, Any] | None = None,
    train_kwargs: dict[str, Any] | None = None,
) -> GDE:
    """Fit generative distribution embeddings: a vector for each set, and a generator of cells from the vector.

    Parameters
    ----------
    adata
        Annotated data; changed only once the fit is complete.
    groupby
        Column or columns of ``obs`` that name the set of each cell. Cells with a missing value are in no set.
    use_rep
        Entry of ``obsm`` with the features, or ``"X"``; by default ``X_pca`` where it is there, else ``X``.
    layer
        Layer with the features.
    mask
        Boolean array, or name of a boolean column of ``obs``: cells with False are in no set.
    min_cells
        Smaller sets are dropped, with one warning.
    encoder, generator
        See ``scgde.nn.encoders.encoders`` and ``scgde.nn.generators.generators``.
    n_latent
        Dimensions of the embedding.
    isometry
        Weight of a term that ties latent distance to sliced Wasserstein-2 distance between sets; 0 for none.
    scaling
        ``"common"`` divides all features by one number, ``"feature"`` each by its own standard deviation,
        ``"none"`` does not scale. By default ``"common"`` for an ``obsm`` entry, whose axes share one metric,
        and ``"feature"`` for ``X`` and layers.
    split_key
        Column of ``obs``, constant within sets, with the values ``"train"``, ``"validation"`` and others, as
        ``scgde.pp.split_sets`` writes it. Sets of other values are embedded, but leave no trace in the fit.
    validation_fraction
        Share of the sets held out to choose when to stop, where there is no ``split_key``.
    max_steps
        Optimiser steps; 1,000 by default.
    sets_per_batch, set_size
        Sets in a step, and cells of each that the encoder sees.
    accelerator
        ``"auto"`` takes a GPU where there is one.
    checkpoint_dir
        Folder of the training state; an interrupted fit that is called again with it resumes where it stopped.
    progress_bar
        Whether to show one.
    seed
        Random seed; same seed, same machine, same result.
    key_added
        Name under which results are written.
    encoder_kwargs, generator_kwargs, train_kwargs
        Further options, see the classes and :meth:`scgde.model.GDE.train`.

    Returns
    -------
    The fitted model. Writes ``obs["{key}_set"]``, ``obsm["X_{key}"]`` and ``uns["{key}"]`` with ``sets``,
    ``embedding``, ``params`` (options that are None left out), ``history`` and ``model``. The column ``role`` of
    ``sets`` tells what the fit used a set for: ``"train"``, ``"validation"`` or, nothing, ``"held out"``.

    Raises
    ------
    KeyError
        If a column, layer or entry is missing.
    TypeError
        If the features are not numbers.
    ValueError
        If features are not finite, or fewer than two sets are large enough.

    References
    ----------
    :cite:t:`Fishman25`.
    """
    check_key(key_added, "key_added")
    check_count(seed, "seed", minimum=0)
    check_not_backed_view(adata)
    source = choose_source(adata, use_rep, layer)
    obs = own_columns_dropped(adata.obs, groupby, key_added)
    grouping = group_cells(obs, groupby, min_cells=min_cells, mask=mask)
    check_at_least_two_sets(grouping.table)
    check_features(source.matrix(adata), grouping.codes, source.label)
    parts = _parts(adata, grouping.table, split_key, validation_fraction, seed)
    warn_dropped(grouping.dropped, min_cells)
    model_options: dict[str, Any] = {
        "encoder": encoder,
        "generator": generator,
        "n_latent": n_latent,
        "isometry": isometry,
        "scaling": scaling or ("feature" if source.is_expression else "common"),
        "encoder_kwargs": encoder_kwargs,
        "generator_kwargs": generator_kwargs,
        "seed": seed,
    }
    train_options: dict[str, Any] = {
        "max_steps": DEFAULT_STEPS if max_steps is None else max_steps,
        "sets_per_batch": sets_per_batch,
        "set_size": set_size,
        "validation_fraction": validation_fraction,
        "seed": seed,
    }
    entries = {"groupby": groupby, "use_rep": source.use_rep, "layer": layer}
    params = storable(
        entries
        | {"mask": mask if isinstance(mask, str) else None, "min_cells": min_cells, "split_key": split_key}
        | model_options
        | train_options
        | {"train_kwargs": train_kwargs, "version": __version__}
    )
    model = _model_of(shell(adata, source, set_column(grouping)), **model_options)
    model.source = entries | {"names": source.names(adata)}
    model.decoder = _decoder(adata, source)
    model.train(
        **train_options,
        **parts,
        accelerator=accelerator,
        checkpoint_dir=checkpoint_dir,
        progress_bar=progress_bar,
        **(train_kwargs or {}),
    )
    embedding = model.get_embedding().to_numpy()
    grouping = grouping._replace(table=_with_roles(grouping.table, parts))
    write_results(adata, grouping, embedding, model, params, key=key_added)
    return model


def _model_of(data: AnnData, **options: Any) -> GDE:
    """Model of data that scvi-tools does not keep alive."""
    GDE.setup_anndata(data, set_key="set")
    try:
        return GDE(data, **options)
    finally:
        GDE.forget(data)


def set_column(grouping: Grouping) -> pd.Series:
    """Categorical column of sets from a grouping."""
    return pd.Series(pd.Categorical.from_codes(grouping.codes, grouping.table.index))


def _parts(
    adata: AnnData, table: pd.DataFrame, split_key: str | None, validation_fraction: float, seed: int
) -> dict[str, Any]:
    """Names of the sets to train and to validate on."""
    if split_key is None:
        share = check_fraction(validation_fraction, "validation_fraction")
        rows = zip(_PARTS, hold_out(len(table), share, seed=seed), strict=True)
        return {name: table.index[part].tolist() for name, part in rows}
    check_columns(adata.obs, [split_key], "split_key")
    if split_key not in table:
        msg = f"`split_key` must be constant within sets, got {split_key!r}. See `scgde.pp.split_sets`."
        raise ValueError(msg)
    split = table[split_key]
    parts = {f"{part}_sets": split.index[split == part].tolist() for part in ("train", "validation")}
    if len(parts["train_sets"]) < 2:
        found = split.dropna().unique().tolist()
        msg = f'`split_key` must name a column with the value "train" for at least two sets, got {found}.'
        raise ValueError(msg)
    return parts


def _with_roles(table: pd.DataFrame, parts: dict[str, list[str]]) -> pd.DataFrame:
    """The set table with what the fit used each set for."""
    codes = np.full(len(table), _keys.ROLES.index("held out"))
    for role in ("train", "validation"):
        codes[table.index.isin(parts[f"{role}_sets"])] = _keys.ROLES.index(role)
    return table.assign(**{_keys.ROLE: pd.Categorical.from_codes(codes, pd.Index(_keys.ROLES))})


def _decoder(adata: AnnData, source: Source) -> PCADecoder | None:
    if source.use_rep != PCA or adata.X is None or not is_numeric(adata.X):
        return None
    return find_decoder(adata.X, np.asarray(adata.obsm[PCA]), adata.varm.get("PCs"), adata.var_names.tolist())
