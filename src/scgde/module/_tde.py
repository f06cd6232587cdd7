from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from scvi.module.base import LossOutput

from scgde._checks import check_count, check_one_of
from scgde.module._base import SetModule
from scgde.nn.transports import TRANSPORTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

#: What a transport is told: both embeddings, that of the source alone, or rows of a learnt table in their place.
CONDITIONS = ("both", "source", "lookup")


class TDEModule(SetModule):
    """Set encoder and conditional transport, trained end to end.

    Parameters
    ----------
    n_features
        Features of a cell.
    n_embed
        Dimensions of the embedding.
    encoder, transport
        Registered names, see ``scgde.nn.encoders`` and ``scgde.nn.transports``.
    condition
        ``"both"``: the embeddings of source and target. ``"source"``: that of the source. ``"lookup"``: a learnt vector
        for each set, which no other set has.
    encoder_kwargs, transport_kwargs
        Their options.
    isometry
        Weight of the term that ties latent distance to sliced W2; 0 for none.
    n_sets
        Rows of the table, for ``"lookup"``.

    References
    ----------
    :cite:t:`Fishman26`.
    """

    def __init__(
        self,
        n_features: int,
        n_embed: int,
        *,
        encoder: str,
        transport: str,
        condition: str = "both",
        encoder_kwargs: dict[str, Any] | None = None,
        transport_kwargs: dict[str, Any] | None = None,
        isometry: float = 0.0,
        n_sets: int | None = None,
    ) -> None:
        super().__init__(n_features, n_embed, encoder=encoder, encoder_kwargs=encoder_kwargs, isometry=isometry)
        self.transport = TRANSPORTS[transport](n_features, n_embed, **(transport_kwargs or {}))
        self.condition = check_one_of(condition, "condition", CONDITIONS)
        if condition == "lookup":
            self.table = torch.nn.Embedding(check_count(n_sets, "n_sets"), n_embed)

    def push(
        self,
        x: Tensor,
        source_embedding: Tensor,
        target_embedding: Tensor,
        *,
        times: Sequence[float] = (1.0,),
        rng: torch.Generator | None = None,
    ) -> Tensor:
        """Move cells ``(S, M, G)`` given embeddings ``(S, E)``, shape ``(T, S, M, G)``, in the units of the data."""
        target = self._told(target_embedding)
        return self.restore(self.transport.push(self.standardize(x), source_embedding, target, times=times, rng=rng))

    def _told(self, target_embedding: Tensor) -> Tensor:
        return torch.zeros_like(target_embedding) if self.condition == "source" else target_embedding

    def _get_inference_input(self, tensors: dict[str, Tensor], **kwargs: Any) -> dict[str, Tensor]:
        return {"x": tensors["encoder"], "weights": tensors["encoder_weights"], "sets": tensors["sets"]}

    def inference(self, x: Tensor, weights: Tensor, sets: Tensor) -> dict[str, Tensor]:
        return {"embedding": self.table(sets) if self.condition == "lookup" else self.embed(x, weights)}

    def _get_generative_input(
        self, tensors: dict[str, Tensor], inference_outputs: dict[str, Tensor], **kwargs: Any
    ) -> dict[str, Tensor]:
        names = ("generator", "generator_weights", "source", "target")
        return {**inference_outputs, **{name: tensors[name] for name in names}}

    def generative(
        self, embedding: Tensor, generator: Tensor, generator_weights: Tensor, source: Tensor, target: Tensor
    ) -> dict[str, Tensor]:
        x = self.standardize(generator)
        loss = self.transport.loss(
            x[source],
            x[target],
            embedding[source],
            self._told(embedding[target]),
            source_weights=generator_weights[source],
            target_weights=generator_weights[target],
        )
        return {"loss": loss}

    def loss(
        self,
        tensors: dict[str, Tensor],
        inference_outputs: dict[str, Tensor],
        generative_outputs: dict[str, Tensor],
    ) -> LossOutput:
        per_pair = generative_outputs["loss"]
        embedding, weights = inference_outputs["embedding"], tensors["encoder_weights"]
        loss = self.with_isometry(per_pair.mean(), embedding, tensors["encoder"], weights)
        return LossOutput(loss=loss, n_obs_minibatch=len(per_pair))
