from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import torch
from torch import nn

from scgde.nn.cells import check_supported, in_parts
from scgde.nn.conditions import Conditions
from scgde.nn.encoders import ENCODERS
from scgde.nn.exchanged_cells import CellExchange
from scgde.nn.featurizers import FEATURIZERS
from scgde.nn.influence import influence
from scgde.nn.isometry import Isometry
from scgde.nn.linear_core import LinearCore
from scgde.nn.mean_core import MeanCore, n_ground
from scgde.nn.transforms import TRANSFORMS, TransformSpec
from scgde.nn.virtual_sets import SetSummary, VirtualSets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from torch import Tensor

    #: Gives all training cells, in blocks ``(n, *shape)``.
    Blocks = Callable[[], Iterable[Tensor]]
    #: Gives whole training sets in batches: their numbers ``(S,)``, cells ``(S, M, *shape)`` and weights ``(S, M)``.
    WholeSets = Callable[[], Iterable[tuple[Tensor, Tensor, Tensor]]]

    from scgde._types import Config
    from scgde.module._loss_output import LossOutput
    from scgde.nn.cells import CellSpec, Measure, SetBatch
    from scgde.nn.conditions import Description
    from scgde.nn.encoders import Encoder
    from scgde.nn.featurizers import Featurizer
    from scgde.nn.moments import Frame
    from scgde.nn.transforms import CellTransform


class SetModule(nn.Module, ABC):
    """What all modules share: from cells to embeddings, and from embeddings and covariates to a context.

    An embedding is what is known of the moments of a set, see :class:`~scgde.nn.linear_core.LinearCore`, and
    ``encoder(featurizer(transform.encoder_input(cells)), weights)``; a context is the embedding with the covariates
    behind it.

    Parameters
    ----------
    spec
        Cells.
    n_embed
        Dimensions of the embedding.
    n_core
        How many of these are moments, or, for cells that are no vectors, means of ground coordinates; 0 for none.
    encoder
        Name in ``scgde.nn.ENCODERS``; None for a module that embeds no sets.
    encoder_kwargs
        Its options.
    featurizer, featurizer_kwargs
        Name in ``scgde.nn.FEATURIZERS`` and options of what the encoder sees of a cell.
    transform, transform_kwargs
        Name in ``scgde.nn.TRANSFORMS`` and options of what networks see of a cell.
    target
        What is modelled of a cell, where that is not what is read of it.
    conditions
        Covariates that follow the embedding in the context, see :class:`~scgde.nn.conditions.Conditions`.
    isometry
        Weight of the term that ties latent distance to W2; 0 for none.
    isometry_ground
        How W2 is estimated, see :class:`~scgde.nn.isometry.Isometry`. The encoder also sees discriminant coordinates.
    """

    transform: CellTransform
    conditions: Conditions
    #: None where no sets are embedded.
    featurizer: Featurizer
    encoder: Encoder
    #: None where the embedding is learnt as a whole.
    core: LinearCore | MeanCore
    #: None where what is read is what is modelled.
    own_target_transform: CellTransform
    #: None where cells are no vectors, or there is no core.
    virtual_sets: VirtualSets
    #: None where there are no virtual sets.
    exchange: CellExchange
    #: None without a weight: a parameter that gets no gradient fails under several devices.
    isometry: Isometry

    def __init__(
        self,
        spec: CellSpec,
        n_embed: int,
        *,
        n_core: int = 0,
        encoder: str | None,
        encoder_kwargs: Config | None = None,
        featurizer: str = "identity",
        featurizer_kwargs: Config | None = None,
        transform: str = "affine",
        transform_kwargs: Config | None = None,
        target: TransformSpec | None = None,
        conditions: Mapping[str, Description] | None = None,
        isometry: float = 0.0,
        isometry_ground: str = "sliced",
    ) -> None:
        super().__init__()
        check_supported(TRANSFORMS[transform], spec, "transform", TRANSFORMS)
        self.spec, self.n_embed = spec, n_embed
        self.transform = TRANSFORMS[transform](spec, **(transform_kwargs or {}))
        self.register_module("core", self._make_core(n_core) if n_core else None)
        self.register_module("virtual_sets", VirtualSets() if n_core and spec.is_vector else None)
        self.register_module("exchange", CellExchange() if n_core and spec.is_vector else None)
        if target is not None:
            check_supported(TRANSFORMS[target.name], target.cells, "target", TRANSFORMS)
        self.register_module("own_target_transform", None if target is None else target.build())
        self.register_module("isometry", Isometry.of(self.transform, isometry_ground) if isometry else None)
        self.register_module("featurizer", None)
        self.register_module("encoder", None)
        if encoder is not None:
            check_supported(FEATURIZERS[featurizer], spec, "featurizer", FEATURIZERS)
            self.featurizer = FEATURIZERS.make(featurizer, spec, options=featurizer_kwargs)
            n_seen = self.featurizer.n_output + (0 if self.discriminants is None else self.discriminants.n_output)
            self.encoder = ENCODERS.make(encoder, n_seen, n_embed - n_core, options=encoder_kwargs)
        self.conditions = Conditions(conditions or {})
        self.isometry_weight = isometry

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    @property
    def discriminants(self) -> MeanCore | None:
        """Coordinates of cells in which the isometry term takes distances, and which the encoder sees as well."""
        return None if self.isometry is None else self.isometry.discriminants

    @property
    def n_context(self) -> int:
        """Dimensions of a context."""
        return self.n_embed + self.conditions.n_output

    @property
    def n_core(self) -> int:
        """Dimensions of an embedding that are known in closed form."""
        return 0 if self.core is None else self.core.n_output

    @property
    def embeds_new_sets(self) -> bool:
        """Whether sets that were not trained on have an embedding."""
        return self.encoder is not None

    @property
    def target_transform(self) -> CellTransform:
        """What generators and transports see of a cell."""
        return self.transform if self.own_target_transform is None else self.own_target_transform

    @property
    def target_spec(self) -> CellSpec:
        """Cells that are modelled."""
        return self.target_transform.spec

    @abstractmethod
    def learnt_embedding(self) -> Tensor | None:
        """Vectors of the training sets, where these were learnt and not computed from cells, ``(S, E)``."""

    @torch.no_grad()
    def init_from(self, read: Blocks, target: Blocks, sets: WholeSets | None = None) -> None:
        """Learn what is known before the first step from the training sets: units, moments, and starts of networks.

        Each gives the cells anew at each call: those that are read and those that are modelled, in blocks of shape
        ``(n, *shape)``, and those that are read as whole sets, which only moments ask for.
        """
        self.transform.fit(read())
        if self.own_target_transform is not None:
            self.own_target_transform.fit(target())
        if self.isometry is not None and sets is not None:
            self.isometry.fit((in_parts(self.transform.ground, x), weights) for _, x, weights in sets())
        if isinstance(self.core, MeanCore) and sets is not None:
            self.core.fit((in_parts(self.core_input, x), weights) for _, x, weights in sets())
        if not isinstance(self.core, LinearCore) or sets is None:
            return

        summaries: list[SetSummary] = []

        def known(sets: WholeSets = sets) -> Iterable[tuple[Tensor, Tensor]]:
            for number, x, weights in sets():
                seen = self.transform.encoder_input(x)
                summaries.append(SetSummary.of(number, seen, weights))
                yield seen, weights

        blocks = (self.transform.encoder_input(block[None])[0] for block in read())
        coordinates = self.core.fit(blocks, known())
        self.virtual_sets.fit(summaries)
        self.exchange.fit(self.core, torch.cat([summary.number for summary in summaries]), coordinates)
        if self.isometry is not None and self.discriminants is None:
            # Distances of moments are those of Wasserstein-2 already, up to this unit.
            self.isometry.log_scale.copy_((self.core.scale * self.core.moments.unit).log())

    def features(self, x: Tensor) -> Tensor:
        """What the encoder sees of cells ``(S, M, *shape)``, shape ``(S, M, F)``."""
        features = self.featurizer(self.transform.encoder_input(x))
        if self.discriminants is None:
            return features
        return torch.cat([features, self.discriminants.readout(self.transform.ground(x))], dim=-1)

    def embed(self, x: Tensor, weights: Tensor) -> Tensor:
        """Embeddings, shape ``(S, E)``, of cells ``(S, M, *shape)`` with weights ``(S, M)``."""
        learnt = self.encoder(self.features(x), weights)
        return learnt if self.core is None else torch.cat([self.core(self.core_input(x), weights), learnt], dim=-1)

    def core_input(self, x: Tensor) -> Tensor:
        """What the core takes moments of: vectors as networks see them, and ground coordinates of other cells."""
        return self.transform.encoder_input(x) if self.spec.is_vector else self.transform.ground(x)

    def _make_core(self, n_core: int) -> LinearCore | MeanCore:
        return LinearCore(self.spec.size, n_core) if self.spec.is_vector else MeanCore(n_ground(self.transform), n_core)

    def embed_batch(self, batch: SetBatch) -> Tensor:
        """Embeddings ``(S, E)`` of the sets of a batch, in classes of equal width: empty slots cost nothing."""
        x, weights = batch.encoder
        if not batch.widths:
            return self.embed(x, weights)
        parts = [self.embed(x[sets, :width], weights[sets, :width]) for width, sets in batch.widths]
        order = torch.cat([sets for _, sets in batch.widths])
        return torch.cat(parts).index_select(0, order.argsort())

    def influence(self, x: Tensor, weights: Tensor, directions: Tensor) -> Tensor:
        """Influence of each cell ``(S, M, *shape)`` on its set along ``directions`` ``(E, k)``, shape ``(S, M, k)``."""
        of_core, of_learnt = directions.split([self.n_core, self.n_embed - self.n_core])
        # One pass per output: along the directions where these are fewer.
        before = of_learnt if of_learnt.shape[1] < len(of_learnt) else None

        def learnt(x: Tensor, weights: Tensor) -> Tensor:
            embedding = self.encoder(self.features(x), weights)
            return embedding if before is None else embedding @ before

        values = influence(learnt, x, weights)
        values = values @ of_learnt if before is None else values
        return values if self.core is None else values + self.core.influence(self.core_input(x), weights) @ of_core

    def context(self, embedding: Tensor, covariates: Mapping[str, Tensor] | None = None) -> Tensor:
        """Context ``(S, C)`` of embeddings ``(S, E)``; a covariate that is not given is missing."""
        if not self.conditions.n_output:
            return embedding
        given = self.conditions(covariates or {}, len(embedding), device=embedding.device)
        return torch.cat([embedding, given.to(embedding.dtype)], dim=-1)

    def frame(self, embedding: Tensor) -> Frame | None:
        """Coordinates of each set in which cells are modelled; None where no moments of these cells are known."""
        if isinstance(self.core, LinearCore) and self.models_what_is_read:
            return self.core.frame(embedding)
        return None

    @property
    def models_what_is_read(self) -> bool:
        """Whether cells are modelled in the coordinates in which they are read."""
        return self.own_target_transform is None

    def modelled(self, x: Tensor) -> Tensor:
        """What generators and transports model of cells ``(S, M, *shape)``: these cells, or coordinates of them."""
        return self.target_transform.target(x)

    def with_isometry(self, loss: Tensor, embedding: Tensor, cells: Measure) -> Tensor:
        """``loss`` and, where it has a weight, the misfit of latent distance and W2."""
        if self.isometry is None:
            return loss
        ground = self.transform.ground(cells.x)
        return loss + self.isometry_weight * self.isometry(embedding, ground, cells.weights)

    def forward(self, tensors: SetBatch) -> tuple[dict, dict, LossOutput]:
        """Embeddings, losses of sets or pairs, and the loss of a batch."""
        embedded = self.inference(tensors)
        losses = self.generative(tensors, **embedded)
        return embedded, losses, self.loss(tensors, embedded, losses)

    @abstractmethod
    def inference(self, batch: SetBatch) -> dict[str, Tensor]:
        """Embeddings of the sets of a batch."""

    @abstractmethod
    def generative(self, batch: SetBatch, embedding: Tensor) -> dict[str, Tensor]:
        """Losses of the sets or pairs of a batch."""

    @abstractmethod
    def loss(
        self, tensors: SetBatch, inference_outputs: dict[str, Tensor], generative_outputs: dict[str, Tensor]
    ) -> LossOutput:
        """Loss of a batch."""
