from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from scgde import _keys
from scgde._checks import check_count
from scgde.model import TDE
from scgde.pp._grouping import warn_dropped
from scgde.pp._pairs import SOURCE, TARGET
from scgde.predictors import make_predictor
from scgde.sets import SetIndex
from scgde.tl._carried import check_key, own_columns_dropped, write_results
from scgde.tl._fitting import DEFAULT_STEPS, model_of_sets, params_of, weights_of_sets, with_roles
from scgde.tl._pairing import covariate_names, pair_sets, parts_of
from scgde.tl._predicting import fit_on_pairs
from scgde.tl._source import check_features, check_not_backed_view, choose_source

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd
    from anndata import AnnData
    from numpy.typing import ArrayLike

    from scgde._types import GroupBy


def fit_tde(
    adata: AnnData,
    groupby: GroupBy,
    *,
    time_key: str | None = None,
    pairs: ArrayLike | pd.DataFrame | None = None,
    covariates: Sequence[str] = (),
    use_rep: str | None = None,
    layer: str | None = None,
    mask: np.ndarray | pd.Series | Sequence[bool] | str | None = None,
    min_cells: int = 10,
    encoder: str = "pooled_gnn",
    transport: str = "flow_matching",
    coupling: str = "ot",
    condition: str = "both",
    predictor: str | None = "kernel",
    n_latent: int = 32,
    isometry: float = 0.0,
    scaling: str | None = None,
    split_key: str | None = None,
    transductive: bool = False,
    pair_fraction: float | None = None,
    pair_weights: ArrayLike | None = None,
    set_weights: str | pd.Series | None = None,
    validation_fraction: float = 0.1,
    max_steps: int | None = None,
    sets_per_batch: int = 64,
    set_size: int = 100,
    accelerator: str = "auto",
    checkpoint_dir: str | Path | None = None,
    progress_bar: bool = True,
    seed: int = 0,
    key_added: str = "tde",
    encoder_kwargs: dict[str, Any] | None = None,
    transport_kwargs: dict[str, Any] | None = None,
    predictor_kwargs: dict[str, Any] | None = None,
    train_kwargs: dict[str, Any] | None = None,
) -> TDE:
    """Fit transport with distribution embeddings: one model that moves the cells of any set to any other.

    The transport is told the embeddings of both sets, and so it learns from every set, also from one that was seen at
    one time only. What is then fitted on the pairs is small: a predictor of the embedding of the target, from that of
    the source and the covariates of the pair.

    Parameters
    ----------
    adata
        Annotated data; changed only once the fit is complete.
    groupby
        Column or columns of ``obs`` that name the group of each cell, such as a clone. Cells with a missing value are
        in no set. Without ``time_key`` a group is a set.
    time_key
        Column of ``obs`` with the time of each cell, numeric or ordered. A set is then a group at one time, and two
        sets of a group at times that follow each other are a pair. Groups seen once have none: orphans.
    pairs
        Names of source and target sets, shape ``(n, 2)``, in place of ``time_key``.
    covariates
        Columns of ``obs``, numeric and constant within sets, that the predictor is told of the target beside the times:
        a dose, the features of a perturbation.
    use_rep
        Entry of ``obsm`` with the features, or ``"X"``; by default ``X_pca`` where it is there, else ``X``.
    layer
        Layer with the features.
    mask
        Boolean array, or name of a boolean column of ``obs``: cells with False are in no set.
    min_cells
        Smaller sets are dropped, with one warning.
    encoder, transport
        See ``scgde.nn.ENCODERS`` and ``scgde.nn.TRANSPORTS``.
    coupling
        Of flow matching: how the cells of two sets are paired. ``"ot"``, ``"sinkhorn"`` or ``"independent"``.
    condition
        What the transport is told: ``"both"`` embeddings; that of the ``"source"`` alone, so that it learns from pairs
        only and forecasts by itself; or ``"lookup"``, a learnt vector for each set, which no other set has.
    predictor
        Name in ``scgde.predictors.PREDICTORS``, or None. Fitted where there are two pairs or more.
    n_latent
        Dimensions of the embedding.
    isometry
        Weight of a term that ties latent distance to sliced Wasserstein-2 distance between sets; 0 for none.
    scaling
        ``"common"`` divides all features by one number, ``"feature"`` each by its own standard deviation,
        ``"none"`` does not scale. By default ``"common"`` for an ``obsm`` entry, whose axes share one metric,
        and ``"feature"`` for ``X`` and layers.
    split_key
        Column of ``obs``, the same for all sets of a group, with the values ``"train"``, ``"validation"`` and others,
        as ``scgde.pp.split_sets`` writes it. Groups of other values leave no trace in any step of the fit.
    transductive
        Whether sets of other values are trained on nevertheless, as orphans: what is held out is which of them belong
        together.
    pair_fraction
        Share of pairs in a step, the rest are random. By default a quarter, and 1 where ``condition="source"``.
    pair_weights
        Pairs are drawn in proportion, in the order of ``pairs``; uniformly by default.
    set_weights
        Column of ``obs``, constant within sets, or a Series by name of set: sets of random pairs are drawn in
        proportion. By default each set counts the same.
    validation_fraction
        Share of the sets, whole groups, held out to choose when to stop, where there is no ``split_key``.
    max_steps
        Optimiser steps; 1,000 by default.
    sets_per_batch, set_size
        Pairs in a step, and cells of each set that the encoder sees.
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
    encoder_kwargs, transport_kwargs, predictor_kwargs, train_kwargs
        Further options, see the classes and :meth:`scgde.model.TDE.train`.

    Returns
    -------
    The fitted model. Writes ``obs["{key}_set"]``, ``obsm["X_{key}"]`` and ``uns["{key}"]`` with ``sets``,
    ``embedding``, ``params`` (options that are None left out), ``history`` and ``model``, as :func:`fit_gde` does, and
    ``pairs``: ``source``, ``target``, ``group``, what the predictor is told, and the ``role``.

    Raises
    ------
    KeyError
        If a column, entry or set is missing.
    TypeError
        If the features are not numbers.
    ValueError
        If features are not finite, there are fewer than two sets, ``time_key`` is not numeric or ordered, has NaN or
        one time only, a set is paired with itself, or ``split_key`` parts a group.

    References
    ----------
    :cite:t:`Fishman26`.
    """
    check_key(key_added, "key_added")
    check_count(seed, "seed", minimum=0)
    check_not_backed_view(adata)
    source = choose_source(adata, use_rep, layer)
    to_fit = make_predictor(predictor if condition == "both" else None, predictor_kwargs)
    obs = own_columns_dropped(adata.obs, groupby, key_added)
    pairing = pair_sets(
        obs, groupby, time_key=time_key, pairs=pairs, covariates=covariates, mask=mask, min_cells=min_cells
    )
    grouping = pairing.grouping
    check_features(source.matrix(adata), grouping.codes, source.label)
    parts = parts_of(adata, pairing, split_key=split_key, validation_fraction=validation_fraction, seed=seed)
    roles = pairing.roles(parts)
    if split_key is None and (condition == "lookup" or not _validates(condition, pair_fraction, roles)):
        parts = {"train_sets": grouping.table.index.tolist(), "validation_sets": []}
        roles = pairing.roles(parts)
    if transductive:
        held = grouping.table.index.difference([*parts["train_sets"], *parts["validation_sets"]], sort=False)
        parts = {**parts, "train_sets": [*parts["train_sets"], *held]}
    usable = (roles != "held out").to_numpy()
    labelled = pairing.pairs[usable]
    weights = weights_of_sets(adata.obs, grouping.table, set_weights)
    chances = _pair_weights(pair_weights, len(pairing.pairs))
    warn_dropped(grouping.dropped, min_cells)
    model_options: dict[str, Any] = {
        "encoder": encoder,
        "transport": transport,
        "condition": condition,
        "n_latent": n_latent,
        "isometry": isometry,
        "scaling": scaling or source.scaling,
        "encoder_kwargs": encoder_kwargs,
        "transport_kwargs": _transport_kwargs(transport, coupling, transport_kwargs),
        "seed": seed,
    }
    train_options: dict[str, Any] = {
        "max_steps": DEFAULT_STEPS if max_steps is None else max_steps,
        "sets_per_batch": sets_per_batch,
        "set_size": set_size,
        "pair_fraction": pair_fraction,
        "validation_fraction": validation_fraction,
        "seed": seed,
    }
    told = {"time_key": time_key, "covariates": covariate_names(pairing.pairs)}
    params = params_of(
        source,
        groupby=groupby,
        **told,
        mask=mask,
        min_cells=min_cells,
        split_key=split_key,
        set_weights=set_weights,
        transductive=transductive,
        predictor=predictor,
        predictor_kwargs=predictor_kwargs,
        **(model_options | train_options),
        train_kwargs=train_kwargs,
    )
    clock = None if pairing.clock is None else pairing.clock._asdict()
    known = {"groupby": pairing.columns, "clock": clock, **told}
    model = model_of_sets(TDE, adata, source, grouping, known, **model_options)
    model.train(
        **train_options,
        train_sets=parts["train_sets"],
        validation_sets=parts["validation_sets"],
        pairs=labelled[[SOURCE, TARGET]].to_numpy(dtype=object) if len(labelled) else None,
        pair_weights=None if chances is None else chances[usable],
        set_weights=weights,
        accelerator=accelerator,
        checkpoint_dir=checkpoint_dir,
        progress_bar=progress_bar,
        **(train_kwargs or {}),
    )
    embedding = model.get_embedding()
    if to_fit is not None and len(labelled) > 1:
        index = SetIndex.from_codes(grouping.codes, len(grouping.table))
        fit_on_pairs(to_fit, model, source.matrix(adata), index, embedding, labelled, seed=seed)
        model.predictor = to_fit
    grouping = grouping._replace(table=with_roles(grouping.table, parts, weights))
    extra = {_keys.PAIRS: pairing.pairs.assign(**{_keys.ROLE: roles}).rename(index=str)}
    write_results(adata, grouping, embedding.to_numpy(), model, params, key=key_added, **extra)
    return model


def _validates(condition: str, pair_fraction: float | None, roles: pd.Series) -> bool:
    """Whether the held-out sets hold a pair, where steps are made of pairs alone."""
    only_pairs = (1.0 if condition == "source" else 0.0) if pair_fraction is None else pair_fraction
    return only_pairs < 1 or bool((roles == "validation").any())


def _transport_kwargs(transport: str, coupling: str, options: dict[str, Any] | None) -> dict[str, Any] | None:
    return {"coupling": coupling, **(options or {})} if transport == "flow_matching" else options


def _pair_weights(weights: ArrayLike | None, n_pairs: int) -> np.ndarray | None:
    if weights is None:
        return None
    values = np.asarray(weights, dtype=float)
    if values.shape != (n_pairs,):
        msg = f"`pair_weights` must hold one number for each of {n_pairs} pairs, got shape {values.shape}."
        raise ValueError(msg)
    return values
