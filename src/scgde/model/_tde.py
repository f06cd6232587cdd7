from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from scgde._checks import check_flag, check_one_of
from scgde.data import Pairs, SetIndex, open_store
from scgde.model import _io
from scgde.model._base import SetModel
from scgde.model._forecast_mixture import ForecastMixture
from scgde.model._inference import transport_cells
from scgde.model._serialization import BLANK_REGISTRY
from scgde.model._train_options import Training, TrainOptions
from scgde.module import TDEModule
from scgde.nn import CONDITIONS, TRANSPORTS
from scgde.nn.cells import Ends
from scgde.nn.isometry import GROUNDS
from scgde.predictors import PREDICTORS
from scgde.sets._pairs import pair_indices
from scgde.sets._perturbations import ConditionFeatures
from scgde.train import own_surroundings, rng_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Unpack

    from anndata import AnnData
    from numpy.typing import ArrayLike

    from scgde._types import Config
    from scgde.data import CellSets
    from scgde.data.representations import Representation
    from scgde.nn.cells import CellSpec
    from scgde.predictors import Predictor
    from scgde.sets import SetSplit

_PAIR_FRACTION = 0.25
#: What is fitted after the module, and stored as parts under the names of the attributes.
_PREDICTORS = ("predictor", "mean_predictor")
_PARTS: dict[str, Any] = {"conditions": ConditionFeatures, "mixture": ForecastMixture}


class TDE(SetModel):
    """Transport with distribution embeddings: transports the cells of any set to any other, given both embeddings.

    Parameters
    ----------
    adata
        Registered with ``setup_anndata``; None for a model that only embeds and transports.
    encoder, transport
        Names in ``scgde.nn.ENCODERS`` and ``scgde.nn.TRANSPORTS``.
    featurizer
        Name in ``scgde.nn.FEATURIZERS`` of the map from a cell to the vector that the encoder sees.
    condition
        What the transport is conditioned on, a name in ``scgde.nn.CONDITIONS``. ``"both"``: the embeddings of source
        and target. ``"source"``: that of the source alone, so that it learns from pairs only and needs no predictor.
        ``"lookup"``: a learnt vector for each set, which no other set has.
    n_latent
        Dimensions of the embedding. By default 32, or room for all moments and 16 more.
    moments
        Whether most dimensions of the embedding are a fixed linear map of the moments of a set, and cells are
        transported in coordinates in which source and target have the same mean and widths, see
        :class:`~scgde.nn.linear_core.LinearCore`; for vectors, and the condition ``"both"``.
    encoder_kwargs, transport_kwargs, featurizer_kwargs
        Their options.
    isometry
        Weight of the term that ties latent distance to W2; 0 for none.
    isometry_ground
        How W2 is estimated: ``"sliced"``, or ``"sinkhorn"``, nearer to it in many dimensions and several times as long.
    scaling
        As in :class:`GDE`.
    cells, n_sets
        What a cell is, such as ``scgde.nn.cells.CellSpec.vectors(50)``, and, for ``"lookup"``, number of sets; required
        where ``adata`` is None.
    target
        What is transported of a cell, where that is not what is read of it.
    seed
        Seed of the initial weights.

    Attributes
    ----------
    predictor
        Forecasts the embedding of a target from that of its source, where one was fitted.
    mean_predictor
        Of a fit on perturbations: how the mean of the cells is displaced.
    conditions
        Of a fit on perturbations: the features of each single one.
    mixture
        What :func:`scgde.tl.forecast` mixes, and in which shares, where that was chosen.

    Examples
    --------
    >>> import scgde
    >>> clones = clones[clones.obs["tde_set"].notna()].copy()
    >>> scgde.model.TDE.setup_anndata(clones, set_key="tde_set")
    >>> model = scgde.model.TDE(clones)
    >>> model.train(1000, pairs=[("clone_02|2", "clone_02|4"), ("clone_02|4", "clone_02|6")])
    >>> z = model.get_embedding()
    """

    _module_cls = TDEModule

    predictor: Predictor | None = None
    mean_predictor: Predictor | None = None
    conditions: ConditionFeatures | None = None
    mixture: ForecastMixture | None = None

    def __init__(
        self,
        adata: AnnData | None = None,
        *,
        encoder: str = "pooled_gnn",
        transport: str = "flow_matching",
        condition: str = "both",
        featurizer: str = "identity",
        n_latent: int | None = None,
        moments: bool = False,
        encoder_kwargs: dict[str, Any] | None = None,
        transport_kwargs: dict[str, Any] | None = None,
        featurizer_kwargs: dict[str, Any] | None = None,
        isometry: float = 0.0,
        isometry_ground: str = "sliced",
        scaling: str | None = None,
        cells: Representation | CellSpec | Config | None = None,
        target: Representation | CellSpec | Config | None = None,
        n_sets: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(adata, registry=BLANK_REGISTRY if adata is None else None)
        check_one_of(transport, "transport", list(TRANSPORTS))
        check_one_of(condition, "condition", list(CONDITIONS))
        if check_flag(moments, "moments") and condition != "both":
            msg = f'`moments` must be False unless `condition` is "both", got {condition!r}.'
            raise ValueError(msg)
        if adata is not None:
            n_sets = len(self._own_cells().names)
        networks = {
            "encoder": encoder,
            "transport": transport,
            "condition": condition,
            "featurizer": featurizer,
            "encoder_kwargs": encoder_kwargs or {},
            "transport_kwargs": transport_kwargs or {},
            "featurizer_kwargs": featurizer_kwargs or {},
            "isometry": isometry,
            "isometry_ground": check_one_of(isometry_ground, "isometry_ground", list(GROUNDS)),
            "n_sets": None if CONDITIONS[condition].embeds_new_sets else n_sets,
        }
        self._build(
            networks, n_latent=n_latent, moments=moments, cells=cells, target=target, scaling=scaling, seed=seed
        )
        self._model_summary_string = f"TDE: {encoder} -> {self.module.n_embed} -> {transport}"
        self.init_params_ = self._get_init_params(locals())

    def train(
        self,
        max_steps: int = 1000,
        *,
        pairs: ArrayLike | None = None,
        pair_fraction: float | None = None,
        pair_weights: ArrayLike | None = None,
        target_dropout: float = 0.0,
        **options: Unpack[TrainOptions],
    ) -> None:
        """Train on pairs of the registered sets: given ones, random ones, or some of both in each step.

        Parameters
        ----------
        max_steps
            Optimiser steps.
        pairs
            Names of source and target sets, shape ``(n, 2)``. None: any set is transported to any other.
        pair_fraction
            Share of the given pairs in a step, the rest are random. By default a quarter, and 1 for a model that is
            conditioned on the source alone.
        pair_weights
            Given pairs are drawn in proportion to these, shape ``(n,)``; uniformly by default.
        target_dropout
            Share of the given pairs in a step that come without the embedding of their target, zeros in its place: with
            these the model also learns to forecast from the source alone.
        **options
            See :class:`TrainOptions`. A step has ``sets_per_batch`` pairs. Sets that pairs link are held out together.
            Pairs with a set that is neither trained nor validated on are not used. Sets of a model of condition
            ``"lookup"`` are never held out: what was not trained has no vector.

        Raises
        ------
        KeyError
            If a named set is not there.
        TypeError
            If an option is unknown.
        ValueError
            If an option is out of its range, or there are no pairs of the kind that a step needs.
        """
        training, condition = Training.of(max_steps, options), self.module.conditioning
        if pair_fraction is None:
            pair_fraction = _PAIR_FRACTION if condition.needs_predictor else 1.0
        codes = pair_indices(pairs, self._own_cells().names)
        given = Pairs.of(codes, pair_weights, pair_fraction, target_dropout)
        split = self._split_pairs(training, given)
        for part, name in zip(split, ("training", "validation"), strict=True):
            given.check_can_be_drawn(part, name)
        self._fit(training, split, pairs=given)

    @own_surroundings()
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
        """Transport cells, each by the embeddings of its set and of the set that it is transported to.

        Parameters
        ----------
        x
            Features, dense, sparse or backed, shape ``(n, G)``.
        codes
            Set of each cell, a row of the embeddings, or -1 for none, shape ``(n,)``.
        source_embedding, target_embedding
            Of each set, and of what it is transported to, shape ``(S, E)`` each.
        times
            Times on the path of each cell: in [0, 1] and not decreasing, 0 at the source, 1 at the target.
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
        self._check_shape(x.shape[1:], self.module.target_spec)
        codes = np.asarray(codes)
        embeddings = [np.ascontiguousarray(z, dtype=np.float32) for z in (source_embedding, target_embedding)]
        _check_ends(codes, x.shape[0], *embeddings, n_latent=self._config["n_latent"])
        rng = rng_of(seed)
        ends, index = Ends(*map(torch.from_numpy, embeddings)), SetIndex.from_codes(codes, len(embeddings[0]))
        transported = np.full((len(times), *x.shape), np.nan, dtype=np.float32)
        store = open_store(x, dtype=self.module.target_spec.numpy_dtype)
        options: dict[str, Any] = {"times": times, "rng": rng, "max_cells": self._max_cells}
        transport_cells(self.module, store, index, ends, transported, **options)
        return transported

    def _lines(self) -> dict[str, str]:
        mixed = {} if self.mixture is None else {"forecast": str(self.mixture)}
        return super()._lines() | mixed

    @classmethod
    def _options_of(cls, cells: CellSets) -> dict[str, Any]:
        return {"n_sets": len(cells.names)}

    def _split_pairs(self, training: Training, pairs: Pairs) -> SetSplit:
        """Training and validation sets; none of the latter where they would hold no pair of the kind of a step."""
        if not self.module.embeds_new_sets:
            split = self._split(training, fraction=0.0)
            return split._replace(validation=split.train)
        split = self._split(training, links=pairs.codes)
        if training.options["train_sets"] is None and not pairs.can_be_drawn(split.validation):
            return split._replace(validation=split.validation[:0])
        return split

    def _stored_parts(self) -> dict[str, _io.Stored]:
        parts = {name: getattr(self, name) for name in (*_PREDICTORS, *_PARTS)}
        own = {name: _io.Stored(*part.to_stored()) for name, part in parts.items() if part is not None}
        return super()._stored_parts() | own

    def _read_part(self, name: str, stored: _io.Stored) -> None:
        if name in _PREDICTORS:
            setattr(self, name, PREDICTORS[stored.config["name"]].from_stored(*stored))
        elif name in _PARTS:
            setattr(self, name, _PARTS[name].from_stored(*stored))
        else:
            super()._read_part(name, stored)


def _check_ends(codes: np.ndarray, n_cells: int, source: np.ndarray, target: np.ndarray, *, n_latent: int) -> None:
    """Require two embeddings of each set, ``(S, E)``, and for each cell the set that it is in."""
    expected = (len(source), n_latent)
    for name, embedding in (("source_embedding", source), ("target_embedding", target)):
        if embedding.shape != expected or not np.isfinite(embedding).all():
            msg = f"`{name}` must be finite and of shape {expected}, got shape {embedding.shape}."
            raise ValueError(msg)
    if codes.shape != (n_cells,) or codes.min(initial=-1) < -1 or codes.max(initial=-1) >= len(source):
        msg = f"`codes` must hold a row of {len(source)} embeddings, or -1, for each of {n_cells} cells."
        raise ValueError(msg)
