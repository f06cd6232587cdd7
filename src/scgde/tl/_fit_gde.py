from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scgde._checks import check_at_least_two_sets, check_count
from scgde.model import GDE
from scgde.pp._grouping import group_cells, warn_dropped
from scgde.tl._carried import check_key, own_columns_dropped, write_results
from scgde.tl._fitting import DEFAULT_STEPS, model_of_sets, params_of, parts_of_sets, weights_of_sets, with_roles
from scgde.tl._source import check_features, check_not_backed_view, choose_source
from scgde.tl._told import batch_of_sets, label_of_sets, write_predictions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from anndata import AnnData

    from scgde._types import GroupBy


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
    isometry_ground: str = "sliced",
    scaling: str | None = None,
    split_key: str | None = None,
    set_weights: str | pd.Series | None = None,
    label_key: str | None = None,
    label_weight: float = 1.0,
    batch_key: str | None = None,
    batch_weight: float = 0.1,
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
        See ``scgde.nn.ENCODERS`` and ``scgde.nn.GENERATORS``.
    n_latent
        Dimensions of the embedding.
    isometry
        Weight of a term that ties latent distance to Wasserstein-2 distance between sets; 0 for none.
    isometry_ground
        How that distance is estimated: ``"sliced"``, or ``"sinkhorn"``, nearer to it and several times as long.
    scaling
        ``"common"`` divides all features by one number, ``"feature"`` each by its own standard deviation,
        ``"none"`` does not scale. By default ``"common"`` for an ``obsm`` entry, whose axes share one metric,
        and ``"feature"`` for ``X`` and layers.
    split_key
        Column of ``obs``, constant within sets, with the values ``"train"``, ``"validation"`` and others, as
        ``scgde.pp.split_sets`` writes it. Sets of other values are embedded, but leave no trace in the fit.
    set_weights
        Column of ``obs``, constant within sets, as ``scgde.pp.set_weights`` writes it, or a Series by name of set: sets
        are drawn in proportion. By default each set counts the same, however many cells it has.
    label_key
        Column of ``obs``, constant within sets and missing for those without a label, which may be most: the embedding
        then also learns to predict it. Numbers (unless a few whole ones that repeat) by squared error in units of their
        variance, all else by cross entropy in which every class counts the same. See :func:`classify` for how well.
    label_weight
        Weight of this loss beside that of the generator.
    batch_key
        Column of ``obs``, constant within sets, of what should not matter, such as a batch or site: the generator is
        told the batch, and the embedding is kept from carrying it. What goes along with the batch is lost with it.
    batch_weight
        Weight of the dependence between embedding and batch, see :func:`scgde.nn.hsic.group_dependence`.
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
        Random seed; same seed, machine and number of threads, same result.
    key_added
        Name under which results are written.
    encoder_kwargs, generator_kwargs, train_kwargs
        Further options, see the classes and :meth:`scgde.model.GDE.train`.

    Returns
    -------
    The fitted model. Writes ``obs["{key}_set"]``, ``obsm["X_{key}"]`` and ``uns["{key}"]`` with ``sets``,
    ``embedding``, ``params`` (options that are None left out), ``history`` and ``model``. The column ``role`` of
    ``sets`` tells what the fit used a set for: ``"train"``, ``"validation"`` or, nothing, ``"held out"``. With
    ``label_key`` predictions for all sets are written to ``sets`` and ``obs``, in the columns that
    :func:`scgde.tl.classify` names; those of labelled sets were made by a fit that knew the label.

    Raises
    ------
    KeyError
        If a column, layer or entry is missing.
    TypeError
        If the features are not numbers.
    ValueError
        If features are not finite, fewer than two sets are large enough, or a label or batch has one class or varies
        within sets.

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
    parts = parts_of_sets(adata, grouping.table, split_key, validation_fraction, seed)
    weights = weights_of_sets(adata.obs, grouping.table, set_weights)
    label = label_of_sets(adata.obs, grouping, label_key)
    batch = batch_of_sets(adata.obs, grouping, batch_key)
    warn_dropped(grouping.dropped, min_cells)
    model_options: dict[str, Any] = {
        "encoder": encoder,
        "generator": generator,
        "n_latent": n_latent,
        "isometry": isometry,
        "isometry_ground": isometry_ground,
        "scaling": scaling or source.scaling,
        "encoder_kwargs": encoder_kwargs,
        "generator_kwargs": generator_kwargs,
        "seed": seed,
    }
    if label is not None:
        model_options |= {"label_classes": label.classes, "label_weight": label_weight}
    if batch is not None:
        model_options |= {"batches": batch.classes, "batch_weight": batch_weight}
    train_options: dict[str, Any] = {
        "max_steps": DEFAULT_STEPS if max_steps is None else max_steps,
        "sets_per_batch": sets_per_batch,
        "set_size": set_size,
        "validation_fraction": validation_fraction,
        "seed": seed,
    }
    params = params_of(
        source,
        groupby=groupby,
        mask=mask,
        min_cells=min_cells,
        split_key=split_key,
        set_weights=set_weights,
        label_key=label_key,
        batch_key=batch_key,
        **(model_options | train_options),
        train_kwargs=train_kwargs,
    )
    told = {"groupby": groupby} | ({} if label is None else {"label_key": label_key})
    model: GDE = model_of_sets(GDE, adata, source, grouping, told, **model_options)
    model.train(
        **train_options,
        **parts,
        set_weights=weights,
        labels=None if label is None else label.values,
        batches=None if batch is None else batch.values,
        accelerator=accelerator,
        checkpoint_dir=checkpoint_dir,
        progress_bar=progress_bar,
        **(train_kwargs or {}),
    )
    embedding = model.get_embedding().to_numpy()
    grouping = grouping._replace(table=with_roles(grouping.table, parts, weights))
    write_results(adata, grouping, embedding, model, params, key=key_added)
    if label is not None:
        write_predictions(adata, model, key_added)
    return model
