from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from scvi.module.base import BaseModuleClass

from scgde.nn.encoders import ENCODERS
from scgde.nn.isometry import Isometry

if TYPE_CHECKING:
    from torch import Tensor


class SetModule(BaseModuleClass):
    """Set encoder and the units that networks see, shared by all modules.

    Parameters
    ----------
    n_features
        Features of a cell.
    n_embed
        Dimensions of the embedding.
    encoder
        Registered name, see ``scgde.nn.encoders``.
    encoder_kwargs
        Its options.
    isometry
        Weight of the term that ties latent distance to W2; 0 for none.
    isometry_ground
        How W2 is estimated, see :class:`~scgde.nn.isometry.Isometry`.
    """

    def __init__(
        self,
        n_features: int,
        n_embed: int,
        *,
        encoder: str,
        encoder_kwargs: dict[str, Any] | None = None,
        isometry: float = 0.0,
        isometry_ground: str = "sliced",
    ) -> None:
        super().__init__()
        self.encoder = ENCODERS[encoder](n_features, n_embed, **(encoder_kwargs or {}))
        self.isometry = Isometry(ground=isometry_ground)
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

    def restore(self, x: Tensor) -> Tensor:
        """Inverse of :meth:`standardize`."""
        return x * self.scale + self.center

    def embed(self, x: Tensor, weights: Tensor) -> Tensor:
        """Embeddings, shape ``(S, E)``, of cells ``(S, M, G)`` with weights ``(S, M)``."""
        return self.encoder(self.standardize(x), weights)

    def with_isometry(self, loss: Tensor, embedding: Tensor, x: Tensor, weights: Tensor) -> Tensor:
        """``loss`` and, where it has a weight, the misfit of latent distance and W2."""
        if self.isometry_weight == 0:
            return loss
        return loss + self.isometry_weight * self.isometry(embedding, self.standardize(x), weights)
