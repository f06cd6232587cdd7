from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from scgde.module._base import SetModule
from scgde.module._count_distribution import totals
from scgde.module._count_readout import CountReadout, KnownOfSets
from scgde.module._leading_moments import LeadingMoments
from scgde.module._loss_output import LossOutput
from scgde.module._parts import part_by_part, parts_of
from scgde.module._virtual_batch import with_virtual_sets, without_covariates
from scgde.nn.cells import CellSpec, check_supported
from scgde.nn.generators import GENERATORS
from scgde.nn.hsic import group_dependence
from scgde.nn.label_heads import label_head
from scgde.nn.linear_core import LinearCore
from scgde.nn.moment_dropout import MomentDropout

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from scgde._types import Config
    from scgde.module._base import Blocks, WholeSets
    from scgde.module._parts import OfSets
    from scgde.nn.cells import SetBatch
    from scgde.nn.conditions import Description
    from scgde.nn.transforms import CellTransform

#: Cells that the decoder sees in a step.
_DECODED_PER_STEP = 512
#: Names of the covariates that are predicted, and conditioned on and removed from the embedding.
LABEL, BATCH = "label", "batch"


class GDEModule(SetModule):
    """Set encoder and conditional generator, trained end to end.

    Parameters
    ----------
    spec
        Cells.
    n_embed
        Dimensions of the embedding.
    generator, generator_kwargs
        Name in ``scgde.nn.GENERATORS``, and its options.
    decoder
        Of counts that the generator does not support itself, options of :class:`CountReadout`: the generator then makes
        ground coordinates of cells, which are decoded.
    conditions
        Covariates that the generator is conditioned on besides the batch.
    n_classes
        Classes of the covariate ``"label"``, which the embedding also predicts, 0 if it is a number; None for no label.
    balanced
        Whether all classes count the same.
    label_weight
        Weight of the loss of the label.
    generator_weight
        Weight of the loss of the generator; with 0 it is not computed.
    n_batches
        Classes of the covariate ``"batch"``: the generator is conditioned on it, and an independence penalty removes it
        from the embedding; 0 for none.
    batch_weight
        Weight of the dependence of embedding and batch.
    moment_dropout
        Share of the sets of a training step whose moments the generator does not see.
    **options
        See :class:`SetModule`.

    References
    ----------
    :cite:t:`Fishman25`, eq. 1.
    """

    #: None where the generator makes cells as they are.
    leading: LeadingMoments
    readout: CountReadout

    def __init__(
        self,
        spec: CellSpec,
        n_embed: int,
        *,
        generator: str,
        generator_kwargs: Config | None = None,
        decoder: Config | None = None,
        conditions: Mapping[str, Description] | None = None,
        n_classes: int | None = None,
        balanced: bool = True,
        label_weight: float = 1.0,
        generator_weight: float = 1.0,
        n_batches: int = 0,
        batch_weight: float = 0.1,
        moment_dropout: float = 0.0,
        **options: Any,
    ) -> None:
        batch: dict[str, Description] = {BATCH: n_batches} if n_batches else {}
        super().__init__(spec, n_embed, conditions={**batch, **(conditions or {})}, **options)
        self.register_module("leading", None)
        self.register_module("readout", self._readout_for(generator, decoder))
        spec = self.target_spec if self.readout is None else CellSpec.vectors(self.readout.n_coordinates)
        check_supported(GENERATORS[generator], spec, "generator", GENERATORS)
        self.generator = GENERATORS.make(generator, spec, self.n_context, options=generator_kwargs)
        self.head = None if n_classes is None else label_head(n_embed, n_classes, balanced=balanced)
        self.n_batches = n_batches
        self.label_weight, self.generator_weight, self.batch_weight = label_weight, generator_weight, batch_weight
        self.moment_dropout = MomentDropout(self.n_core, moment_dropout)

    def init_from(self, read: Blocks, target: Blocks, sets: WholeSets | None = None) -> None:
        super().init_from(read, target, sets)
        # The frame of the average set, for a generator that asks for the spread of cells.
        frame = self.frame(torch.zeros(1, self.n_embed, device=self.device))
        if self.readout is not None:
            ground = (self.target_transform.ground(block[None])[0] for block in target())
            self.readout.init_from(ground, *totals(target()))
            self._fit_leading(sets)
        blocks = (self.modelled(block[None])[0] for block in target())
        self.generator.init_from(blocks if frame is None else (frame.inside(block[None])[0] for block in blocks))

    def sample(
        self,
        embedding: Tensor,
        n_cells: int,
        *,
        covariates: Mapping[str, Tensor] | None = None,
        rng: torch.Generator | None = None,
        **options: Any,
    ) -> Tensor:
        """Cells in the units of the data, shape ``(S, n_cells, *shape)``, of embeddings ``(S, E)``.

        ``covariates`` are as in :class:`~scgde.nn.cells.SetBatch`; where one is missing, it is the mean over classes.
        ``options`` are those of ``sample`` of a decoder.
        """
        cells = self.generator.sample(self.context(embedding, covariates), n_cells, rng=rng)
        frame = self.frame(embedding)
        cells = cells if frame is None else frame.outside(cells)
        if self.readout is None:
            return self.target_transform.restore(cells)
        coordinates, known = self._ground_units.restore(cells), self.known_to_decoder(embedding, covariates)
        return self.readout.sample(coordinates, known, rng=rng, **options)

    def context(self, embedding: Tensor, covariates: Mapping[str, Tensor] | None = None) -> Tensor:
        """Context ``(S, C)`` of embeddings ``(S, E)``, in which dimensions of sampling noise count little."""
        if isinstance(self.core, LinearCore):
            embedding = self.core.by_importance(embedding)
        return super().context(embedding, covariates)

    @property
    def models_what_is_read(self) -> bool:
        if self.own_target_transform is None:
            return True
        return self.readout is not None and self.target_transform.ground_is_read

    @property
    def _ground_units(self) -> CellTransform:
        """Units of ground coordinates as the generator knows them."""
        return self.transform if self.models_what_is_read else self.readout.scaling

    def modelled(self, x: Tensor) -> Tensor:
        if self.readout is None:
            return super().modelled(x)
        return self._ground_units.encoder_input(self.target_transform.ground(x))

    def known_to_decoder(
        self, embedding: Tensor, covariates: Mapping[str, Tensor] | None = None, *, core: Tensor | None = None
    ) -> KnownOfSets:
        """What the decoder is given of sets: leading moments, covariates, and fold changes of genes.

        The moments are those of the embeddings ``(S, E)``, or ``core``, shape ``(S, K)``.
        """
        core = embedding[:, : self.n_core].detach() if core is None else core
        conditions = [self.leading(core), self.context(embedding, covariates)[:, self.n_embed :]]
        return KnownOfSets(torch.cat(conditions, dim=-1), self._log_fold_changes(core))

    @torch.no_grad()
    def _log_fold_changes(self, core: Tensor) -> Tensor | None:
        """At the means that moments ``(S, K)`` stand for, shape ``(S, G)``; None where these are not of components."""
        frame = self.frame(core)
        if frame is None:
            return None
        return self.target_transform.log_fold_changes(self._ground_units.restore(frame.center))

    @torch.no_grad()
    def _fit_leading(self, sets: WholeSets | None) -> None:
        if self.core is not None and sets is not None:
            core = torch.cat([self.core(self.core_input(x), weights) for _, x, weights in sets()])
            self.leading.fit(core, self.core)

    def _readout_for(self, generator: str, decoder: Config | None) -> CountReadout | None:
        """Decoder of counts, where one is needed."""
        transform: Any = self.own_target_transform
        if decoder is None or transform is None or self.target_spec.kind in GENERATORS[generator].supports:
            return None
        self.leading = LeadingMoments(self.core)
        n_known = self.leading.n_output + self.conditions.n_output
        return CountReadout(transform.n_ground, self.target_spec.size, n_known, **decoder)

    def log_prob(self, x: Tensor, embedding: Tensor, *, covariates: Mapping[str, Tensor] | None = None) -> Tensor:
        """Log probability of cells ``(S, M, *shape)`` given embeddings ``(S, E)``, in nats, shape ``(S, M)``.

        For cells of finitely many values. A lower bound where ``likelihood_is_bound`` of the generator is True.
        """
        generator: Any = self.generator
        return generator.log_prob(self.target_transform.target(x), self.context(embedding, covariates))

    @property
    def knows_likelihood(self) -> bool:
        """Whether :meth:`log_prob` can be called."""
        return self.target_spec.kind in ("counts", "tokens") and self.generator.knows_likelihood()

    def learnt_embedding(self) -> Tensor | None:
        return None

    def forward(self, tensors: SetBatch) -> tuple[dict, dict, LossOutput]:
        parts = parts_of(tensors)
        # The isometry term compares the cells of all sets.
        if len(parts) == 1 or self.isometry is not None:
            return super().forward(self._with_virtual_sets(tensors) if self.training else tensors)
        covariates, embedded, losses = part_by_part(self._losses_of_sets, parts)
        return embedded, losses, self.loss(tensors._replace(covariates=covariates), embedded, losses)

    def _losses_of_sets(self, batch: SetBatch) -> OfSets:
        """Covariates, as they are learnt, embeddings and losses of the sets of a batch."""
        batch = self._with_virtual_sets(batch) if self.training else batch
        embedded = self.inference(batch)
        return batch.covariates, embedded, self.generative(batch, **embedded)

    def inference(self, batch: SetBatch) -> dict[str, Tensor]:
        return {"embedding": self.embed_batch(batch)}

    def generative(self, batch: SetBatch, embedding: Tensor) -> dict[str, Tensor]:
        if self.generator_weight == 0:
            return {"loss": embedding.new_zeros(len(embedding))}
        embedding = self.moment_dropout(embedding)
        x, weights = batch.target
        target = self.modelled(x) if batch.ground is None else batch.ground
        frame = self.frame(embedding)
        target = target if frame is None else frame.inside(target)
        loss = self.generator.loss(target, weights, self.context(embedding, batch.covariates))
        if self.readout is None:
            return {"loss": loss}
        known = self.known_to_decoder(embedding, batch.covariates, core=batch.core)
        return {"loss": loss + self._decoding_loss(x, weights, known)}

    def _decoding_loss(self, x: Tensor, weights: Tensor, known: KnownOfSets) -> Tensor:
        """Loss of the decoder on some of the cells of each set: it learns cells, of which there are many."""
        some = slice(max(1, _DECODED_PER_STEP // len(x)))
        losses = self.readout.loss(self.target_transform.ground(x[:, some]), x[:, some], known)
        return (losses * weights[:, some]).sum(-1) / weights[:, some].sum(-1)

    def _with_virtual_sets(self, batch: SetBatch) -> SetBatch:
        """Batch of which some sets are virtual: these have no label and no batch."""
        is_learnt = {LABEL: self.head is not None and self.label_weight > 0, BATCH: self.n_batches > 0}
        known = [name for name in batch.covariates if is_learnt.get(name)]
        # Half of the sets stay as they are, where there is something to learn of them.
        batch, is_virtual = with_virtual_sets(self, batch, max_share=0.5 if known else 1.0, exchange=True)
        return batch if is_virtual is None else without_covariates(batch, known, is_virtual)

    def loss(
        self,
        tensors: SetBatch,
        inference_outputs: dict[str, Tensor],
        generative_outputs: dict[str, Tensor],
    ) -> LossOutput:
        per_set, embedding = generative_outputs["loss"], inference_outputs["embedding"]
        loss = self.with_isometry(per_set.mean(), embedding, tensors.encoder)
        loss = loss if self.generator_weight == 1 else self.generator_weight * loss
        loss = loss + self._covariate_loss(embedding, tensors.sets, tensors.covariates)
        gain = {} if self.training else self._context_gain(tensors, per_set, embedding)
        return LossOutput(loss, extra_metrics=gain)

    def _context_gain(self, batch: SetBatch, per_set: Tensor, embedding: Tensor) -> dict[str, Tensor]:
        """By how much the loss of the mean embedding is above that of each set's own.

        Nothing where the likelihood is not known: other losses are too noisy to tell.
        """
        if not self.knows_likelihood or self.generator_weight == 0:
            return {}
        mean = embedding.mean(0, keepdim=True).expand_as(embedding)
        return {"context_gain": (self.generative(batch, embedding=mean)["loss"] - per_set).mean()}

    def _covariate_loss(self, embedding: Tensor, sets: Tensor, covariates: Mapping[str, Tensor]) -> Tensor | float:
        """Loss of the label, and dependence of the embedding on the batch, by their weights."""
        loss: Tensor | float = 0.0
        if self.head is not None:
            loss = loss + self.label_weight * self.head.loss(embedding, covariates[LABEL])
        if self.n_batches and self.batch_weight:
            once = _first_of_each(sets) & (covariates[BATCH] >= 0)
            dependence = group_dependence(embedding[once], covariates[BATCH][once])
            # Below zero, sets of one batch would be separated, from which the batch could be read again.
            loss = loss + self.batch_weight * dependence.clamp_min(0)
        return loss


def _first_of_each(sets: Tensor) -> Tensor:
    """Whether a set is there for the first time, shape ``(S,)``: twice the same one is no evidence of a batch."""
    return ~(sets[:, None] == sets[None, :]).tril(-1).any(1)
