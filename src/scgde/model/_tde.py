from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from scgde._checks import check_count, check_one_of
from scgde.model import _io
from scgde.model._base import SetModel
from scgde.model._options import TrainOptions
from scgde.model._pairs import check_can_be_drawn, named_pairs
from scgde.model._stored import BLANK_REGISTRY
from scgde.model._transport import check_ends, move_cells
from scgde.module import TDEModule
from scgde.nn.transports import CONDITIONS, TRANSPORTS
from scgde.predictors import PREDICTORS
from scgde.sets import SetIndex, open_features

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from anndata import AnnData
    from numpy.typing import ArrayLike

_PAIR_FRACTION = 0.25


class TDE(SetModel):
    """Transport with distribution embeddings: moves the cells of any set to any other, given both embeddings.

    Parameters
    ----------
    adata
        Registered with :meth:`setup_anndata`; None for a model that only embeds and transports.
    encoder, transport
        Names in ``scgde.nn.ENCODERS`` and ``scgde.nn.TRANSPORTS``.
    condition
        What the transport is told. ``"both"``: the embeddings of source and target. ``"source"``: that of the source
        alone, so that it learns from pairs only and needs no predictor. ``"lookup"``: a learnt vector for each set,
        which no other set has.
    n_latent
        Dimensions of the embedding.
    featurizer
        Name in ``scgde.nn.FEATURIZERS``: what the encoder sees of a cell.
    encoder_kwargs, featurizer_kwargs, transport_kwargs
        Their options.
    isometry
        Weight of the term that ties latent distance to sliced W2; 0 for none.
    scaling
        ``"feature"`` gives each feature unit variance, ``"common"`` divides all by one number, so that
        distances keep their proportions, ``"none"`` leaves them.
    n_features, n_sets
        Features of a cell and, for ``"lookup"``, number of sets; required where ``adata`` is None.
    seed
        Seed of the initial weights.

    Attributes
    ----------
    predictor
        Forecasts the embedding of a target from that of its source, where one was fitted.

    Examples
    --------
    >>> scgde.model.TDE.setup_anndata(adata, set_key="clone_day", use_rep="X_pca")
    >>> model = scgde.model.TDE(adata)
    >>> model.train(1000, pairs=[("clone1_day2", "clone1_day4"), ("clone2_day2", "clone2_day4")])
    >>> z = model.get_embedding()

    References
    ----------
    :cite:t:`Fishman26`.
    """

    _module_cls = TDEModule

    predictor: Any = None

    def __init__(
        self,
        adata: AnnData | None = None,
        *,
        encoder: str = "pooled_gnn",
        transport: str = "flow_matching",
        condition: str = "both",
        n_latent: int = 32,
        featurizer: str = "identity",
        encoder_kwargs: dict[str, Any] | None = None,
        featurizer_kwargs: dict[str, Any] | None = None,
        transport_kwargs: dict[str, Any] | None = None,
        isometry: float = 0.0,
        scaling: str = "common",
        n_features: int | None = None,
        n_sets: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(adata, registry=BLANK_REGISTRY if adata is None else None)
        check_one_of(transport, "transport", list(TRANSPORTS))
        has_table = not CONDITIONS[condition].embeds_new_sets
        if has_table:
            n_sets = check_count(n_sets if adata is None else self._own_data().index.n_sets, "n_sets")
        networks = {
            "encoder": encoder,
            "transport": transport,
            "condition": condition,
            "featurizer": featurizer,
            "encoder_kwargs": encoder_kwargs or {},
            "featurizer_kwargs": featurizer_kwargs or {},
            "transport_kwargs": transport_kwargs or {},
            "isometry": isometry,
            "n_sets": n_sets if has_table else None,
        }
        self._build(networks, n_latent=n_latent, n_features=n_features, scaling=scaling, seed=seed)
        self._model_summary_string = f"TDE: {encoder} -> {n_latent} -> {transport}"
        self.init_params_ = self._get_init_params(locals())

    def train(
        self,
        max_steps: int = 1000,
        *,
        pairs: ArrayLike | None = None,
        pair_fraction: float | None = None,
        pair_weights: ArrayLike | None = None,
        set_weights: Mapping[str, float] | pd.Series | None = None,
        sets_per_batch: int = 64,
        set_size: int = 100,
        target_size: int = 32,
        disjoint_views: bool = True,
        n_mixed: int = 1,
        mixing_alpha: float = 1.0,
        validation_fraction: float = 0.1,
        train_sets: Sequence[str] | None = None,
        validation_sets: Sequence[str] | None = None,
        steps_per_validation: int = 50,
        patience: int | None = 10,
        lr: float = 2e-3,
        weight_decay: float = 1e-4,
        ema_decay: float = 0.999,
        gradient_clip: float = 1.0,
        precision: str = "32-true",
        accelerator: str = "auto",
        devices: int | list[int] | str = 1,
        checkpoint_dir: str | Path | None = None,
        progress_bar: bool = True,
        seed: int = 0,
    ) -> None:
        """Train on pairs of the registered sets: given ones, random ones, or some of both in each step.

        Parameters
        ----------
        max_steps
            Optimiser steps.
        pairs
            Names of source and target sets, shape ``(n, 2)``. None: any set is moved to any other.
        pair_fraction
            Share of the given pairs in a step, the rest are random. By default a quarter, and 1 for a model that is
            conditioned on the source alone.
        pair_weights
            Given pairs are drawn in proportion to these, shape ``(n,)``; uniformly by default.
        set_weights
            Weight of each set by name: in random pairs sets are drawn in proportion; uniformly by default.
        sets_per_batch
            Pairs of sets in a step.
        set_size
            Cells of each set that the encoder sees in a step.
        target_size
            Cells of each set that are moved, or moved to, in a step.
        disjoint_views
            Whether these are other cells than those that the encoder sees.
        n_mixed
            Sets mixed into one (Dirichlet weights), 1 for none.
        mixing_alpha
            Concentration of those weights.
        validation_fraction
            Share of the sets held out for ``validation_loss``; sets that pairs link are held out together. Sets of a
            model of condition ``"lookup"`` are never held out: what was not trained has no vector.
        train_sets, validation_sets
            Names of the sets to train and to validate on, in place of a random share; others are not used, nor are
            pairs with one of them.
        steps_per_validation
            Steps between validations.
        patience
            Validations without improvement before training stops; None to never stop early.
        lr, weight_decay, ema_decay, gradient_clip
            Of the optimiser; the exponential average of the weights is what is kept.
        precision, accelerator, devices
            Passed to the trainer.
        checkpoint_dir
            Folder of the training state; a fit that finds its state there resumes it.
        progress_bar
            Whether to show one.
        seed
            Random seed: same seed, machine and number of threads, same result.
        """
        options, data = TrainOptions.of(locals()), self._own_data()
        if pair_fraction is None:
            pair_fraction = _PAIR_FRACTION if self.module.conditioning.needs_predictor else 1.0
        given = named_pairs(data, pairs, pair_weights, pair_fraction)
        has_table = not self.module.conditioning.embeds_new_sets
        fraction = 0.0 if has_table else validation_fraction
        parts = data.split(train_sets, validation_sets, fraction=fraction, seed=seed, links=given.codes)
        if has_table or (train_sets is None and not given.can_be_drawn(parts[1])):
            parts = parts[0], parts[0] if has_table else parts[1][:0]
        for part, name in zip(parts, ("training", "validation"), strict=True):
            check_can_be_drawn(given, part, name)
        self._fit(options, parts, set_weights=set_weights, pairs=given)

    def get_embedding(self, adata: AnnData | None = None) -> pd.DataFrame:
        """Embedding of each set, from all of its cells; of condition ``"lookup"``, the learnt vector of each set.

        Parameters
        ----------
        adata
            Data with the registered entries, any sets and the same features; the registered data if absent.
            Nothing is written to it.

        Returns
        -------
        One row per set, indexed by name, shape ``(n_sets, E)``.
        """
        if adata is None and not self.module.conditioning.embeds_new_sets:
            table = self.module.conditioning.table.weight.detach().cpu().numpy()
            return pd.DataFrame(table, index=self._own_data().names)
        self._check_embeds()
        return super().get_embedding(adata)

    def embed(self, x: Any, codes: np.ndarray) -> np.ndarray:
        self._check_embeds()
        return super().embed(x, codes)

    def transport(
        self,
        x: Any,
        codes: np.ndarray,
        source_embedding: np.ndarray,
        target_embedding: np.ndarray,
        *,
        times: Sequence[float] = (1.0,),
        seed: int = 0,
    ) -> np.ndarray:
        """Move cells, each by the embeddings of its set and of the set where it goes.

        Parameters
        ----------
        x
            Features, dense, sparse or backed, shape ``(n, G)``.
        codes
            Set of each cell, a row of the embeddings, or -1 for none, shape ``(n,)``.
        source_embedding, target_embedding
            Of each set, and of what it is moved to, shape ``(S, E)`` each.
        times
            Where on its way each cell is seen: in [0, 1] and not decreasing, 0 the source, 1 the target.
        seed
            Random seed of a transport that draws.

        Returns
        -------
        Cells in the units of the training features, shape ``(T, n, G)``; NaN for cells in no set.

        Raises
        ------
        ValueError
            If shapes do not belong together, or ``times`` are none.
        """
        self._check_n_features(x.shape[1])
        ends = [np.asarray(z, dtype=np.float32) for z in (source_embedding, target_embedding)]
        codes = np.asarray(codes)
        check_ends(codes, x.shape[0], *ends, n_latent=self._config["n_latent"])
        check_count(seed, "seed", minimum=0)
        rng = torch.Generator().manual_seed(seed)
        features, index = open_features(x), SetIndex.from_codes(codes, len(ends[0]))
        moved = np.full((len(times), *x.shape), np.nan, dtype=np.float32)
        move_cells(self.module, features, index, ends, moved, times=times, rng=rng, max_cells=self._max_cells)
        return moved

    def _stored_parts(self) -> dict[str, _io.Stored]:
        return {} if self.predictor is None else {"predictor": _io.Stored(*self.predictor.to_stored())}

    def _read_part(self, name: str, stored: _io.Stored) -> None:
        self.predictor = PREDICTORS[stored.config["name"]].from_stored(*stored)

    def _check_embeds(self) -> None:
        if not self.module.conditioning.embeds_new_sets:
            msg = (
                'A model of condition "lookup" has vectors of its training sets only, see `get_embedding`. '
                'To embed other sets, fit with `condition="both"`.'
            )
            raise RuntimeError(msg)
