from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scgde import _keys
from scgde._checks import check_count, check_groupby
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.data import CellSets, column_of_sets, weights_of_sets
from scgde.model import GDE
from scgde.nn import ENCODERS, FEATURIZERS, GENERATORS
from scgde.results import write_fit, write_predictions
from scgde.results._context_gain import warn_of_ignored_context
from scgde.results._fits import (
    check_training,
    columns_of_fit,
    decoder_options,
    default_moments,
    default_steps,
    fit_params,
    open_representations,
    train_names,
    warn_of_training,
    with_backbone,
)
from scgde.results._generation_scores import warn_of_better_baselines
from scgde.sets import split_sets
from scgde.sets._covariates import read_batch, read_label
from scgde.sets._grouping import group_cells
from scgde.sets._grouping_warnings import warn_of_sets
from scgde.sets._own_columns import check_writable, without_own_columns

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from anndata import AnnData

    from scgde._types import GroupBy


@checked_keywords
@shared_docs
def fit_gde(
    adata: AnnData,
    groupby: GroupBy,
    *,
    use_rep: str | None = None,
    layer: str | None = None,
    cells: str | None = None,
    generate: str | None = None,
    mask: np.ndarray | pd.Series | Sequence[bool] | str | None = None,
    min_cells: int = 2,
    encoder: str = "pooled_gnn",
    generator: str | None = None,
    featurizer: str | None = None,
    n_latent: int | None = None,
    moments: bool | str | None = None,
    isometry: float | None = None,
    isometry_ground: str | None = None,
    scaling: str | None = None,
    split_key: str | None = None,
    set_weights: str | pd.Series | None = None,
    weight_key: str | None = None,
    label_key: str | None = None,
    label_weight: float = 1.0,
    batch_key: str | None = None,
    batch_weight: float = 0.1,
    validation_fraction: float = 0.1,
    max_steps: int | None = None,
    sets_per_batch: int = 64,
    set_size: int = 100,
    accelerator: str = "auto",
    devices: int | list[int] | str = 1,
    num_nodes: int = 1,
    strategy: str = "auto",
    checkpoint_dir: str | Path | None = None,
    progress_bar: bool = True,
    seed: int = 0,
    key_added: str = "gde",
    encoder_kwargs: dict[str, Any] | None = None,
    generator_kwargs: dict[str, Any] | None = None,
    featurizer_kwargs: dict[str, Any] | None = None,
    decoder_kwargs: dict[str, Any] | None = None,
    train_kwargs: dict[str, Any] | None = None,
) -> GDE:
    """Fit generative distribution embeddings: a vector for each set, and a generator of cells from the vector.

    %(six_of_gde)s

    Parameters
    ----------
    adata
        %(fitted_adata)s
    groupby
        Column or columns of ``obs`` that name the set of each cell. Cells with a missing value are in no set.
    use_rep
        %(use_rep)s
    layer
        %(layer)s
    cells
        %(cells)s
    generate
        Entry of ``obsm``, or ``"X"``, that is generated, where that is not what the encoder reads.
    mask
        %(mask)s
    min_cells
        %(min_cells)s
    encoder
        %(encoder)s
    generator
        %(generator)s
    featurizer
        %(featurizer)s
    n_latent
        Dimensions of the embedding. By default 32 or, with moments, room for all of them and 16 more.
    moments
        Whether the embedding contains mean and covariance, or widths, of a set by a fixed linear map, from which the
        generator starts: a new set then lies where its cells lie, however few sets were trained on, as far as these
        are more than sampling noise. See :class:`scgde.nn.linear_core.LinearCore`. By default where fewer than 300 sets
        are trained on (200 of counts, images and sequences), or where cells of all sets, moved and stretched to the
        mean and standard deviations of a set, are at less than three tenths of the energy distance of those of the
        nearest other set to its cells: with many sets that share cell states at fixed places a network does better.
        With ``"dropout"`` the generator does not see the moments of a quarter of the sets of a training step, so that
        the other dimensions describe a set without them; by default where cells of the nearest other set, moved and
        stretched alike, are at less than a fifth of that distance. Never by default with ``batch_key``: a fixed map
        cannot be made independent of it. Of sequences it contains the mean counts of words, see
        :class:`scgde.nn.mean_core.MeanCore`.
    isometry
        %(isometry)s
    isometry_ground
        %(isometry_ground)s
    scaling
        %(scaling)s
    split_key
        Column of ``obs``, constant within sets, with the values ``"train"``, ``"validation"`` and others, as
        ``scgde.pp.split_sets`` writes it. Sets of other values are embedded, but not used for training.
    set_weights
        Column of ``obs``, constant within sets, as ``scgde.pp.set_weights`` writes it, or a Series by name of set: sets
        are drawn in proportion. By default each set counts the same, however many cells it has.
    weight_key
        Column of ``obs`` with the weight of each cell in its set, such as the size of a clonotype: embedding and
        generator then stand for the weighted cells. Standard errors count ``(sum w)^2 / sum w^2`` cells. Distances and
        scores between cells count each one once.
    label_key
        Column of ``obs``, constant within sets and missing for those without a label, which may be most: the embedding
        then also learns to predict it. Numbers (unless a few whole ones that repeat) by squared error in units of their
        variance, all else by cross entropy in which every class counts the same. See :func:`classify` for how well.
    label_weight
        Weight of this loss; the generator has weight 1.
    batch_key
        Column of ``obs``, constant within sets, of what should not matter, such as a batch or site: the generator is
        conditioned on it, and an independence penalty (HSIC) removes it from the embedding, with all that is confounded
        with it.
    batch_weight
        Weight of that penalty, see :func:`scgde.nn.hsic.group_dependence`.
    validation_fraction
        Share of the sets held out to choose when to stop, where there is no ``split_key``.
    max_steps
        %(max_steps)s With moments and fewer than 300 training sets 2,500 of vectors and 1,500 of counts: most sets of
        a step are then varied at random, and longer training does no harm.
    sets_per_batch, set_size
        Sets in a step, and cells of each that the encoder sees.
    accelerator
        %(accelerator)s
    devices, num_nodes, strategy
        %(devices)s
    checkpoint_dir
        %(checkpoint_dir)s
    progress_bar
        %(progress_bar)s
    seed
        %(fit_seed)s
    key_added
        %(key_added)s
    encoder_kwargs, generator_kwargs, featurizer_kwargs, decoder_kwargs, train_kwargs
        Further options, see the classes, ``scgde.module.CountReadout`` for the decoder of counts, and
        :class:`scgde.model.TrainOptions`.

    Returns
    -------
    The fitted model. Writes ``obs["{key}_set"]``, ``obsm["X_{key}"]`` and ``uns["{key}"]`` with ``sets``,
    ``embedding``, ``params`` (options that are None left out), ``history`` and ``model``, and with ``fingerprint`` and
    ``own_columns``, by which later calls know what was fitted and which columns are theirs. The column ``split`` of
    ``sets`` tells what the fit used a set for: ``"train"``, ``"validation"`` or, nothing, ``"test"``. With
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

    Warns
    -----
    UserWarning
        If the generator ignores the embedding, where its likelihood is known, or if a simple description of
        the validation sets generates their cells better, and which one.

    References
    ----------
    :cite:t:`Fishman25`.

    Examples
    --------
    >>> import scanpy as sc
    >>> import scgde
    >>> adata = scgde.datasets.cohort(20, seed=0)
    >>> sc.pp.pca(adata, n_comps=20)
    >>> model = scgde.tl.fit_gde(adata, "donor", batch_key="batch", max_steps=1000)
    >>> adata.uns["gde"]["embedding"].shape
    (20, 32)
    """
    check_count(seed, "seed", minimum=0)
    check_writable(adata, key_added, reads=(use_rep, generate), label_key=label_key)
    obs = without_own_columns(adata, groupby, key_added)
    views = open_representations(adata, cells=cells, use_rep=use_rep, layer=layer, generate=generate)
    train_kwargs = {**views.target.default_training, **check_training(train_kwargs, fit_gde)}
    isometry = views.encoder.default_isometry if isometry is None else isometry
    grouping = group_cells(obs, groupby, min_cells=min_cells, min_sets=2, mask=mask, weight_key=weight_key)
    views.check(adata, grouping.codes)
    split_column = column_of_sets(adata.obs, grouping, split_key, "split_key")
    weights = weights_of_sets(adata.obs, grouping, set_weights)
    label_column = column_of_sets(adata.obs, grouping, label_key, "label_key")
    label = None if label_column is None else read_label(label_column)
    batch_column = column_of_sets(adata.obs, grouping, batch_key, "batch_key")
    batch = None if batch_column is None else read_batch(batch_column)
    warn_of_sets(obs, grouping, check_groupby(groupby), min_cells, adata.uns)

    split = split_sets(len(grouping.table), split_column, fraction=validation_fraction, seed=seed)
    views = views.fit(adata, grouping, split.train)
    sets = CellSets.from_grouping(adata, grouping, *views)
    generator = generator or views.target.default_generator
    if moments is None:
        moments = batch is None and default_moments(sets, split.train, seed=seed)
    model_options: dict[str, Any] = {
        "encoder": ENCODERS.checked(encoder),
        "generator": generator,
        "featurizer": FEATURIZERS.checked(featurizer or views.encoder.default_featurizer),
        "n_latent": n_latent,
        "moments": moments,
        "isometry": isometry,
        "isometry_ground": isometry_ground or views.encoder.default_isometry_ground,
        "scaling": scaling,
        "encoder_kwargs": encoder_kwargs,
        "generator_kwargs": with_backbone(GENERATORS[generator], views, generator_kwargs),
        "featurizer_kwargs": featurizer_kwargs,
        "decoder": decoder_options(views, decoder_kwargs),
        "seed": seed,
    }
    if label is not None:
        model_options |= {"label_classes": label.classes, "label_weight": label_weight}
    if batch is not None:
        model_options |= {"batches": batch.classes, "batch_weight": batch_weight}
    train_options: dict[str, Any] = {
        "max_steps": default_steps(sets, len(split.train), moments=bool(moments)) if max_steps is None else max_steps,
        "sets_per_batch": sets_per_batch,
        "set_size": set_size,
        "validation_fraction": validation_fraction,
        "seed": seed,
    }
    arguments: dict[str, Any] = {"groupby": groupby, "mask": mask, "min_cells": min_cells, "split_key": split_key}
    arguments |= {"generate": generate, "weight_key": weight_key}
    arguments |= {"set_weights": set_weights, "label_key": label_key, "batch_key": batch_key}
    of_fit = columns_of_fit(sets, split, weights)
    params = fit_params(views, **arguments, **(model_options | train_options), train_kwargs=train_kwargs or None)
    model = GDE.from_cell_sets(sets, **model_options)
    model.fitted_on = {"groupby": groupby, "label_key": label_key, "batch_key": batch_key, "weight_key": weight_key}
    model.train(
        **train_options,
        **train_names(sets, split),
        set_weights=weights,
        labels=None if label is None else label.values,
        batches=None if batch is None else batch.values,
        accelerator=accelerator,
        devices=devices,
        num_nodes=num_nodes,
        strategy=strategy,
        checkpoint_dir=checkpoint_dir,
        progress_bar=progress_bar,
        **train_kwargs,
    )
    extra: dict[str, Any] = {_keys.DROPPED: grouping.dropped}
    write_fit(adata, sets, model.get_embedding().to_numpy(), model, params, key=key_added, columns=of_fit, **extra)
    warn_of_training(model.history, split, validation_fraction if split_key is None else 0.0)
    if label is not None:
        write_predictions(adata, model, key_added)
    warn_of_ignored_context(model)
    warn_of_better_baselines(model, sets, split, batches=None if batch is None else batch.values, seed=seed)
    return model
