from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import scgde
from scgde import _keys
from scgde._checks import check_at_least_two_sets, check_columns
from scgde.model import GDE
from scgde.model._decoder import PCADecoder, find_decoder
from scgde.pp._grouping import group_cells, warn_dropped
from scgde.tl._carried import plain, write_results
from scgde.tl._source import PCA, Source, check_features, choose_source, shell

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from anndata import AnnData

    from scgde._types import GroupBy
    from scgde.pp._grouping import Grouping

DEFAULT_STEPS = 1000


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
    """Fit generative distribution embeddings: one vector per set of cells, and a generator from vectors to cells.

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
        Weight of a term that ties latent distance to the Wasserstein-2 distance between sets (sliced); 0 for none.
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
        Folder of the training state; an interrupted fit called again with the same folder resumes where it stopped.
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
    The fitted model. Writes ``obs["{key}_set"]``, ``obsm["X_{key}"]`` and ``uns["{key}"]`` with ``sets``, ``embedding``,
    ``params``, ``history`` and ``model``.

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
    source = choose_source(adata, use_rep, layer)
    grouping = group_cells(adata.obs, groupby, min_cells=min_cells, mask=mask)
    check_at_least_two_sets(grouping.table)
    check_features(source.matrix(adata), grouping.codes, source.label)
    parts = _parts(adata, grouping, split_key)
    warn_dropped(grouping.dropped, min_cells)
    max_steps = DEFAULT_STEPS if max_steps is None else max_steps
    scaling = scaling or ("feature" if source.is_expression else "common")

    data = shell(adata, source, set_column(grouping))
    GDE.setup_anndata(data, set_key="set")
    model = GDE(
        data,
        encoder=encoder,
        generator=generator,
        n_latent=n_latent,
        isometry=isometry,
        scaling=scaling,
        encoder_kwargs=encoder_kwargs,
        generator_kwargs=generator_kwargs,
        seed=seed,
    )
    model.train(
        max_steps,
        sets_per_batch=sets_per_batch,
        set_size=set_size,
        validation_fraction=validation_fraction,
        accelerator=accelerator,
        checkpoint_dir=checkpoint_dir,
        progress_bar=progress_bar,
        seed=seed,
        **parts,
        **(train_kwargs or {}),
    )
    model.source = {"use_rep": source.use_rep, "layer": source.layer, "names": source.names(adata), "groupby": groupby}
    model.decoder = _decoder(adata, source)
    params = {
        "groupby": groupby,
        "use_rep": source.use_rep,
        "layer": layer,
        "min_cells": min_cells,
        "encoder": encoder,
        "generator": generator,
        "n_latent": n_latent,
        "isometry": isometry,
        "scaling": scaling,
        "split_key": split_key,
        "validation_fraction": validation_fraction,
        "max_steps": max_steps,
        "sets_per_batch": sets_per_batch,
        "set_size": set_size,
        "seed": seed,
        "encoder_kwargs": encoder_kwargs,
        "generator_kwargs": generator_kwargs,
        "train_kwargs": train_kwargs,
        "version": scgde.__version__,
    }
    embedding = model.get_embedding().to_numpy()
    write_results(adata, grouping, embedding, model, plain(params), key=key_added)
    return model


def set_column(grouping: Grouping) -> pd.Series:
    """Categorical column of sets from a grouping."""
    return pd.Series(pd.Categorical.from_codes(grouping.codes, grouping.table.index))


def _parts(adata: AnnData, grouping: Grouping, split_key: str | None) -> dict[str, list[str]]:
    if split_key is None:
        return {}
    check_columns(adata.obs, [split_key], "split_key")
    if split_key not in grouping.table:
        msg = f"`split_key` must be constant within sets, got {split_key!r}. See `scgde.pp.split_sets`."
        raise ValueError(msg)
    split = grouping.table[split_key]
    parts = {f"{part}_sets": split.index[split == part].tolist() for part in ("train", "validation")}
    if len(parts["train_sets"]) < 2:
        found = split.dropna().unique().tolist()
        msg = f'`split_key` must name a column with the value "train" for at least two sets, got {found}.'
        raise ValueError(msg)
    return parts


def _decoder(adata: AnnData, source: Source) -> PCADecoder | None:
    if source.use_rep != PCA or adata.isbacked or adata.X is None:
        return None
    return find_decoder(adata.X, np.asarray(adata.obsm[PCA]), adata.varm.get("PCs"), adata.var_names.tolist())
