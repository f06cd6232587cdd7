from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor

from scgde.nn.backbones import BACKBONES
from scgde.nn.generators._base import Generator


class DirectGenerator(Generator):
    """Map of noise to cells in one evaluation of the network, trained on a divergence D between sets of cells.

    Two draws of one population are some way apart, and a generator that only comes near to its targets is narrower
    than they are. Hence the loss is ``D(draw, cells) + D(other draw, cells) - D(draw, other draw)``: up to a constant,
    an estimate of a generalised energy distance. The draws have as many cells and the weights of the target.

    Parameters
    ----------
    n_features
        Features of a cell.
    n_embed
        Dimensions of the embedding.
    backbone
        Name of the network, see ``scgde.nn.backbones``.
    backbone_kwargs
        Its options.

    References
    ----------
    :cite:t:`Salimans18`, eq. 6.
    """

    def __init__(
        self, n_features: int, n_embed: int, *, backbone: str = "mlp", backbone_kwargs: dict[str, Any] | None = None
    ) -> None:
        super().__init__()
        self.n_features, self.n_embed = n_features, n_embed
        self.backbone = BACKBONES[backbone](n_features, n_embed, **(backbone_kwargs or {}))

    @abstractmethod
    def divergence(self, x: Tensor, weights_x: Tensor, y: Tensor, weights_y: Tensor, scale: Tensor) -> Tensor:
        """Divergence of each pair of sets, shape ``(S,)``; ``scale``, same shape, is a length of the target."""

    def scale(self, x: Tensor, weights: Tensor) -> Tensor:
        """A length of each target, shape ``(S,)``, for divergences that need one."""
        return x.new_ones(len(x))

    def loss(self, x: Tensor, weights: Tensor, embedding: Tensor) -> Tensor:
        draw, other = (self._cells(torch.randn_like(x), embedding) for _ in range(2))
        first, second = torch.cat([draw, other, draw]), torch.cat([x, x, other])
        weights, scale = weights.repeat(3, 1), self.scale(x, weights).repeat(3)
        near, far, apart = self.divergence(first, weights, second, weights, scale).chunk(3)
        return near + far - apart

    def sample(self, embedding: Tensor, n_cells: int, *, rng: torch.Generator | None = None) -> Tensor:
        self._check_embedding(embedding)
        return self._cells(self._noise(embedding, n_cells, rng), embedding)

    def _cells(self, noise: Tensor, embedding: Tensor) -> Tensor:
        return noise + self.backbone(noise, torch.zeros_like(noise[..., :1]), embedding)
