from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from scvi.module.base import BaseModuleClass, LossOutput

from scgde.nn.encoders import encoders
from scgde.nn.generators import generators
from scgde.nn.isometry import Isometry

if TYPE_CHECKING:
    from torch import Tensor


class GDEModule(BaseModuleClass):
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
    isometry
        Weight of the term that ties latent distance to sliced W2; 0 for none.

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
    ) -> None:
        super().__init__()
        self.encoder = encoders[encoder](n_features, n_embed, **(encoder_kwargs or {}))
        self.generator = generators[generator](n_features, n_embed, **(generator_kwargs or {}))
        self.isometry = Isometry()
        self.isometry_weight = isometry
        self.register_buffer("center", torch.zeros(n_features))
        self.register_buffer("scale", torch.ones(n_features))

    def set_scaling(self, center: Tensor, scale: Tensor) -> None:
        """Set the units that the networks see: ``(x - center) / scale``, each of shape ``(G,)``."""
        self.center.copy_(center)
        self.scale.copy_(scale)

    def standardize(self, x: Tensor) -> Tensor:
        """Cells in the units that the networks see, shape ``(S, M, G)``."""
        return (x - self.center) / self.scale

    def embed(self, x: Tensor, weights: Tensor) -> Tensor:
        """Embeddings, shape ``(S, E)``, of cells ``(S, M, G)`` with weights ``(S, M)``."""
        return self.encoder(self.standardize(x), weights)

    def sample(self, embedding: Tensor, n_cells: int, *, rng: torch.Generator | None = None) -> Tensor:
        """Cells in the units of the data, shape ``(S, n_cells, G)``, of embeddings ``(S, E)``."""
        return self.generator.sample(embedding, n_cells, rng=rng) * self.scale + self.center

    def _get_inference_input(self, tensors: dict[str, Tensor], **kwargs: Any) -> dict[str, Tensor]:
        return {"x": tensors["encoder"], "weights": tensors["encoder_weights"]}

    def inference(self, x: Tensor, weights: Tensor) -> dict[str, Tensor]:
        return {"embedding": self.embed(x, weights)}

    def _get_generative_input(
        self, tensors: dict[str, Tensor], inference_outputs: dict[str, Tensor], **kwargs: Any
    ) -> dict[str, Tensor]:
        cells, weights = tensors["generator"], tensors["generator_weights"]
        return {"x": self.standardize(cells), "weights": weights, "embedding": inference_outputs["embedding"]}

    def generative(self, x: Tensor, weights: Tensor, embedding: Tensor) -> dict[str, Tensor]:
        return {"loss": self.generator.loss(x, weights, embedding)}

    def loss(
        self,
        tensors: dict[str, Tensor],
        inference_outputs: dict[str, Tensor],
        generative_outputs: dict[str, Tensor],
    ) -> LossOutput:
        per_set = generative_outputs["loss"]
        loss = per_set.mean()
        if self.isometry_weight > 0:
            x = self.standardize(tensors["encoder"])
            misfit = self.isometry(inference_outputs["embedding"], x, tensors["encoder_weights"])
            loss = loss + self.isometry_weight * misfit
        return LossOutput(loss=loss, n_obs_minibatch=len(per_set))
