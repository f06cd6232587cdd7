from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from scvi.module.base import LossOutput
from torch.nn import functional

from scgde.module._base import SetModule
from scgde.nn.generators import GENERATORS
from scgde.nn.hsic import group_dependence
from scgde.nn.label_heads import ClassHead, NumberHead

if TYPE_CHECKING:
    from torch import Tensor

    from scgde.nn.label_heads import LabelHead


class GDEModule(SetModule):
    """Set encoder and conditional generator, trained end to end.

    Parameters
    ----------
    n_features
        Features of a cell.
    n_embed
        Dimensions of the embedding.
    encoder, generator
        Registered names, see ``scgde.nn.encoders`` and ``scgde.nn.generators``.
    encoder_kwargs, generator_kwargs
        Their options.
    isometry, isometry_ground
        Weight of the term that ties latent distance to W2, 0 for none, and how W2 is estimated.
    n_classes
        Classes of a label that the embedding also predicts, 0 if it is a number; None for no label.
    balanced
        Whether all classes count the same.
    label_weight
        Weight of the loss of the label.
    generator_weight
        Weight of the loss of the generator; with 0 it is not computed.
    n_batches
        Batches that the generator is told and the embedding should not carry; 0 for none.
    batch_weight
        Weight of the dependence of embedding and batch.

    References
    ----------
    :cite:t:`Fishman25`, eq. 1.
    """

    def __init__(
        self,
        n_features: int,
        n_embed: int,
        *,
        encoder: str,
        generator: str,
        encoder_kwargs: dict[str, Any] | None = None,
        generator_kwargs: dict[str, Any] | None = None,
        isometry: float = 0.0,
        isometry_ground: str = "sliced",
        n_classes: int | None = None,
        balanced: bool = True,
        label_weight: float = 1.0,
        generator_weight: float = 1.0,
        n_batches: int = 0,
        batch_weight: float = 0.1,
    ) -> None:
        super().__init__(
            n_features,
            n_embed,
            encoder=encoder,
            encoder_kwargs=encoder_kwargs,
            isometry=isometry,
            isometry_ground=isometry_ground,
        )
        self.generator = GENERATORS[generator](n_features, n_embed + n_batches, **(generator_kwargs or {}))
        self.head = None if n_classes is None else _head(n_embed, n_classes, balanced=balanced)
        self.n_batches = n_batches
        self.label_weight, self.generator_weight, self.batch_weight = label_weight, generator_weight, batch_weight

    def sample(
        self,
        embedding: Tensor,
        n_cells: int,
        *,
        batch: Tensor | None = None,
        rng: torch.Generator | None = None,
    ) -> Tensor:
        """Cells in the units of the data, shape ``(S, n_cells, G)``, of embeddings ``(S, E)``.

        ``batch`` holds the code of each set, ``(S,)``, -1 for the mean over batches, which is the default.
        """
        return self.restore(self.generator.sample(self._context(embedding, batch), n_cells, rng=rng))

    def _context(self, embedding: Tensor, batch: Tensor | None) -> Tensor:
        """What the generator is told: the embedding, and which batch."""
        if self.n_batches == 0:
            return embedding
        if batch is None:
            batch = torch.full((len(embedding),), -1, device=embedding.device)
        one_hot = functional.one_hot(batch.clamp_min(0), self.n_batches).to(embedding.dtype)
        told = torch.where(batch[:, None] < 0, 1 / self.n_batches, one_hot)
        return torch.cat([embedding, told], dim=-1)

    def _get_inference_input(self, tensors: dict[str, Tensor], **kwargs: Any) -> dict[str, Tensor]:
        return {"x": tensors["encoder"], "weights": tensors["encoder_weights"]}

    def inference(self, x: Tensor, weights: Tensor) -> dict[str, Tensor]:
        return {"embedding": self.embed(x, weights)}

    def _get_generative_input(
        self, tensors: dict[str, Tensor], inference_outputs: dict[str, Tensor], **kwargs: Any
    ) -> dict[str, Tensor]:
        cells, weights = tensors["generator"], tensors["generator_weights"]
        context = self._context(inference_outputs["embedding"], tensors.get("batch"))
        return {"x": self.standardize(cells), "weights": weights, "context": context}

    def generative(self, x: Tensor, weights: Tensor, context: Tensor) -> dict[str, Tensor]:
        if self.generator_weight == 0:
            return {"loss": x.new_zeros(len(x))}
        return {"loss": self.generator.loss(x, weights, context)}

    def loss(
        self,
        tensors: dict[str, Tensor],
        inference_outputs: dict[str, Tensor],
        generative_outputs: dict[str, Tensor],
    ) -> LossOutput:
        per_set = generative_outputs["loss"]
        embedding, weights = inference_outputs["embedding"], tensors["encoder_weights"]
        loss = self.with_isometry(per_set.mean(), embedding, tensors["encoder"], weights)
        if self.generator_weight != 1:
            loss = self.generator_weight * loss
        return LossOutput(loss=loss + self._told(embedding, tensors), n_obs_minibatch=len(per_set))

    def _told(self, embedding: Tensor, tensors: dict[str, Tensor]) -> Tensor | float:
        """Loss of the label, and dependence of the embedding on the batch, by their weights."""
        loss: Tensor | float = 0.0
        if self.head is not None:
            loss = loss + self.label_weight * self.head.loss(embedding, tensors["label"])
        if self.n_batches and self.batch_weight:
            one_each = _first_of_each(tensors["sets"])
            one_each &= tensors["batch"] >= 0
            dependence = group_dependence(embedding[one_each], tensors["batch"][one_each])
            # Below zero, sets of one batch would be driven apart, which tells the batch again.
            loss = loss + self.batch_weight * dependence.clamp_min(0)
        return loss


def _head(n_embed: int, n_classes: int, *, balanced: bool) -> LabelHead:
    return ClassHead(n_embed, n_classes, balanced=balanced) if n_classes else NumberHead(n_embed)


def _first_of_each(sets: Tensor) -> Tensor:
    """Whether a set is there for the first time, shape ``(S,)``: twice the same one is no evidence of a batch."""
    return ~(sets[:, None] == sets[None, :]).tril(-1).any(1)
