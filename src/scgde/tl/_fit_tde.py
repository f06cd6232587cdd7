from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scgde import _keys
from scgde._checks import check_count
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.data import CellSets, column_of_sets, weights_of_sets
from scgde.model import TDE
from scgde.nn import CONDITIONS, ENCODERS, FEATURIZERS, TRANSPORTS
from scgde.predictors import make_predictor
from scgde.results import FittedSets, write_fit
from scgde.results._fits import (
    DEFAULT_STEPS,
    check_training,
    columns_of_fit,
    fit_params,
    open_representations,
    train_names,
    transport_has_moments,
    warn_of_training,
    with_backbone,
)
from scgde.results._predictors import default_predictor, facts_of, fit_predictors, read_conditions, shares_of_pairs
from scgde.results._split_pairs import SplitPairs
from scgde.sets import pair_sets
from scgde.sets._grouping_warnings import warn_of_sets
from scgde.sets._own_columns import check_writable, without_own_columns
from scgde.sets._pairs import SOURCE, TARGET, check_pair_weights, covariate_names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from anndata import AnnData
    from numpy.typing import ArrayLike

    from scgde._types import GroupBy


@checked_keywords
@shared_docs
def fit_tde(
    adata: AnnData,
    groupby: GroupBy,
    *,
    time_key: str | None = None,
    pairs: ArrayLike | pd.DataFrame | None = None,
    condition_keys: Sequence[str] = (),
    condition_features: pd.DataFrame | None = None,
    use_rep: str | None = None,
    layer: str | None = None,
    cells: str | None = None,
    generate: str | None = None,
    mask: np.ndarray | pd.Series | Sequence[bool] | str | None = None,
    min_cells: int = 2,
    encoder: str = "pooled_gnn",
    transport: str = "flow_matching",
    coupling: str = "ot",
    condition: str = "both",
    predictor: str | None = "auto",
    featurizer: str | None = None,
    n_latent: int | None = None,
    moments: bool | None = None,
    isometry: float | None = None,
    isometry_ground: str | None = None,
    scaling: str | None = None,
    split_key: str | None = None,
    transductive: bool = False,
    pair_fraction: float | None = None,
    pair_weights: ArrayLike | None = None,
    target_dropout: float | None = None,
    set_weights: str | pd.Series | None = None,
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
    key_added: str = "tde",
    encoder_kwargs: dict[str, Any] | None = None,
    transport_kwargs: dict[str, Any] | None = None,
    featurizer_kwargs: dict[str, Any] | None = None,
    predictor_kwargs: dict[str, Any] | None = None,
    train_kwargs: dict[str, Any] | None = None,
) -> TDE:
    """Fit transport with distribution embeddings: one model that transports the cells of any set to any other.

    Conditioned on the embeddings of both sets, it learns from every set, also from one that was seen at one time only.
    What is fitted on pairs is small: a predictor of the target's embedding, from that of the source and covariates.

    %(six_of_tde)s

    Parameters
    ----------
    adata
        %(fitted_adata)s
    groupby
        Column or columns of ``obs`` that name the group of each cell, such as a clone. Cells with a missing value are
        in no set. Without ``time_key`` a group is a set.
    time_key
        Column of ``obs`` with the time of each cell, numeric or ordered. A set is then a group at one time, and two
        sets of a group at times that follow each other are a pair. Groups seen once have none: orphans.
    pairs
        Names of source and target sets, shape ``(n, 2)``, in place of ``time_key``; or those of perturbations, as
        :func:`scgde.pp.perturbation_pairs` gives them.
    condition_keys
        Columns of ``obs``, constant within sets, which the predictor takes of the target of a pair, such as a dose.
        Those that are no numbers get one column for each value.
    condition_features
        Of ``pairs`` of perturbations: numbers by single perturbation, one row each; those of a combination are the sum
        of its parts, times its dose. By default one-hot: combinations, but no unseen perturbation, can be predicted.
    use_rep
        %(use_rep)s
    layer
        %(layer)s
    cells
        %(cells)s
    generate
        Entry of ``obsm``, or ``"X"``, that is transported, where that is not what the encoder reads.
    mask
        %(mask)s
    min_cells
        %(min_cells)s
    encoder
        %(encoder)s
    transport
        %(transport)s
    coupling
        Of flow matching: how the cells of two sets are paired. ``"ot"``, ``"sinkhorn"`` or ``"independent"``.
    condition
        What the transport is conditioned on: ``"both"`` embeddings; that of the ``"source"`` alone, so that it learns
        from pairs only and forecasts by itself; or ``"lookup"``, a learnt vector for each set, which no other set has.
    predictor
        %(predictor)s Fitted where there are two pairs or more; None: not.
    featurizer
        %(featurizer)s
    n_latent
        Dimensions of the embedding. By default 32 or, with moments, room for all of them and 16 more.
    moments
        Whether most dimensions are a fixed linear map of mean and widths, between the frames of which cells are
        transported: a set that was not trained on keeps its own mean, see :class:`scgde.nn.linear_core.LinearCore`. By
        default below 200 training sets of vectors with ``condition="both"``. Flows then preserve the identity.
    isometry
        %(isometry)s
    isometry_ground
        %(isometry_ground)s
    scaling
        %(scaling)s
    split_key
        Column of ``obs``, the same for all sets of a group, with the values ``"train"``, ``"validation"`` and others,
        as ``scgde.pp.split_sets`` writes it. Groups of other values are used in no step of the fit.
    transductive
        Whether sets of other values are trained on, as orphans: what is held out is which of them belong together.
    pair_fraction
        Share of pairs in a step, the rest are random. By default 1/4, 1/2 with ``target_dropout``, 1 for ``"source"``.
    pair_weights
        Pairs are drawn in proportion, in the order of ``pairs``; uniformly by default.
    target_dropout
        Share of these that come without the embedding of their target, so that the transport also forecasts from the
        source alone. By default half where 200 pairs are trained on, and ten groups validated on; none with moments.
    set_weights
        Column of ``obs``, or Series by name of set: sets of random pairs are drawn in proportion; uniformly by default.
    validation_fraction
        Share of the sets, whole groups, held out to choose when to stop, where there is no ``split_key``.
    max_steps
        %(max_steps)s
    sets_per_batch, set_size
        Pairs in a step, and cells of each set that the encoder sees.
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
    encoder_kwargs, transport_kwargs, featurizer_kwargs, predictor_kwargs, train_kwargs
        Further options, see the classes and :class:`scgde.model.TrainOptions`.

    Returns
    -------
    The fitted model. Writes ``obs["{key}_set"]``, ``obsm["X_{key}"]`` and ``uns["{key}"]`` as :func:`fit_gde` does, and
    there ``pairs``: ``source``, ``target``, ``group``, the covariates of the predictor, and the ``split``.

    Raises
    ------
    KeyError
        If a column, entry or set is missing.
    TypeError
        If the features are not numbers.
    ValueError
        If features are not finite, there are fewer than two sets, ``time_key`` is not numeric or ordered, has NaN or
        one time only, a set is paired with itself, or ``split_key`` divides a group.

    Warns
    -----
    UserWarning
        If no set was left to validate on, or the validation loss fell to the last step.

    References
    ----------
    :cite:t:`Fishman26`.

    Examples
    --------
    >>> import scgde
    >>> model = scgde.tl.fit_tde(clones, "clone", time_key="time", min_cells=1, predictor="ridge", max_steps=1000)
    """
    check_count(seed, "seed", minimum=0)
    check_writable(adata, key_added, reads=(use_rep, generate))
    obs = without_own_columns(adata, groupby, key_added)
    conditioning = CONDITIONS[condition]
    views = open_representations(adata, cells=cells, use_rep=use_rep, layer=layer, generate=generate).for_transport()
    train_kwargs = {**views.target.default_training, **check_training(train_kwargs, fit_tde)}
    pairing = pair_sets(
        obs, groupby, time_key=time_key, pairs=pairs, condition_keys=condition_keys, mask=mask, min_cells=min_cells
    )
    grouping, predictor = pairing.grouping, default_predictor(predictor, pairing.pairs)
    is_predicted = conditioning.needs_predictor and conditioning.embeds_new_sets
    to_fit = make_predictor(predictor if is_predicted else None, predictor_kwargs)
    conditions = read_conditions(pairing.pairs, condition_features)
    views.check(adata, grouping.codes)
    split_column = column_of_sets(adata.obs, grouping, split_key, "split_key")
    weights = weights_of_sets(adata.obs, grouping, set_weights)
    probabilities = None if pair_weights is None else check_pair_weights(pair_weights, len(pairing.pairs))
    warn_of_sets(obs, grouping, pairing.columns, min_cells, adata.uns)

    held_out = validation_fraction if conditioning.embeds_new_sets else 0.0
    only_pairs = pair_fraction == 1 or (pair_fraction is None and not conditioning.needs_predictor)
    of_split: dict[str, Any] = {"only_pairs": only_pairs, "transductive": transductive, "seed": seed}
    split, of_pairs = by_split = SplitPairs.of(pairing, split_column, fraction=held_out, **of_split)
    views = views.fit(adata, grouping, split.train)
    sets = CellSets.from_grouping(adata, grouping, *views)
    labelled = (all_pairs := pairing.pairs.assign(**{_keys.SPLIT: of_pairs}))[by_split.known]
    if moments is None:
        moments = condition == "both" and transport_has_moments(split, views, pairing)
    can_drop = to_fit is not None and not moments and views.target.spec.is_vector and conditions is None
    if transport == "flow_matching":
        preserve = (moments and views.target is views.encoder) or pairing.of_perturbations
        transport_kwargs = {"coupling": coupling, "preserve_identity": preserve, **(transport_kwargs or {})}
    model_options: dict[str, Any] = {
        "encoder": ENCODERS.checked(encoder),
        "transport": TRANSPORTS.checked(transport),
        "condition": condition,
        "featurizer": FEATURIZERS.checked(featurizer or views.encoder.default_featurizer),
        "n_latent": n_latent,
        "moments": moments,
        "isometry": views.encoder.default_isometry if isometry is None else isometry,
        "isometry_ground": isometry_ground or views.encoder.default_isometry_ground,
        "scaling": scaling,
        "encoder_kwargs": encoder_kwargs,
        "transport_kwargs": with_backbone(TRANSPORTS[transport], views, transport_kwargs),
        "featurizer_kwargs": featurizer_kwargs,
        "seed": seed,
    }
    train_options: dict[str, Any] = {"sets_per_batch": sets_per_batch, "set_size": set_size, "seed": seed}
    train_options |= shares_of_pairs(labelled, pair_fraction, target_dropout, only_pairs=only_pairs, can_drop=can_drop)
    steps = DEFAULT_STEPS if max_steps is None else max_steps
    train_options |= {"validation_fraction": validation_fraction, "max_steps": steps}
    run_options: dict[str, Any] = {"accelerator": accelerator, "devices": devices, "num_nodes": num_nodes}
    run_options |= {"strategy": strategy, "checkpoint_dir": checkpoint_dir, "progress_bar": progress_bar}
    columns = {"time_key": time_key, "covariates": covariate_names(pairing.pairs)}
    arguments: dict[str, Any] = {"groupby": groupby, **columns, "mask": mask, "transductive": transductive}
    arguments |= {"split_key": split_key, "generate": generate, "set_weights": set_weights, "predictor": predictor}
    arguments |= {"predictor_kwargs": predictor_kwargs, "train_kwargs": train_kwargs or None, "min_cells": min_cells}
    of_fit = columns_of_fit(sets, split, weights)
    params = fit_params(views, **arguments, **(model_options | train_options))
    model = TDE.from_cell_sets(sets, **model_options)
    time_scale = None if pairing.time_scale is None else pairing.time_scale._asdict()
    model.fitted_on = {"groupby": pairing.columns, "time_scale": time_scale, **columns, **facts_of(pairing)}
    model.conditions = conditions
    model.train(
        **train_options,
        **train_names(sets, split),
        pairs=labelled[[SOURCE, TARGET]].to_numpy(dtype=object) if len(labelled) else None,
        pair_weights=None if probabilities is None else probabilities[by_split.known],
        set_weights=weights,
        **run_options,
        **train_kwargs,
    )
    embedding = model.get_embedding().to_numpy()
    if to_fit is not None and len(labelled) > 1:
        fit_predictors(FittedSets(model, sets, embedding, params), to_fit, labelled, seed=seed)
    entries = {_keys.PAIRS: all_pairs.rename(index=str)}
    write_fit(adata, sets, embedding, model, params, key=key_added, columns=of_fit, **entries)
    warn_of_training(model.history, split, held_out if split_key is None else 0.0)
    return model
