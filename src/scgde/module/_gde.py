from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scvi.module.base import LossOutput

from scgde.module._base import SetModule
from scgde.nn.generators import generators

if TYPE_CHECKING:
    import torch
    from torch import Tensor


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
    ) -> None:
        super().__init__(
            n_features,
            n_embed,
            encoder=encoder,
            encoder_kwargs=encoder_kwargs,
            isometry=isometry,
            isometry_ground=isometry_ground,
        )
        self.generator = generators[generator](n_features, n_embed, **(generator_kwargs or {}))

    def sample(self, embedding: Tensor, n_cells: int, *, rng: torch.Generator | None = None) -> Tensor:
        """Cells in the units of the data, shape ``(S, n_cells, G)``, of embeddings ``(S, E)``."""
        return self.restore(self.generator.sample(embedding, n_cells, rng=rng))

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
        embedding, weights = inference_outputs["embedding"], tensors["encoder_weights"]
        loss = self.with_isometry(per_set.mean(), embedding, tensors["encoder"], weights)
        return LossOutput(loss=loss, n_obs_minibatch=len(per_set))
