from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from scgde.nn.backbones import build_backbone
from scgde.nn.generators._base import Generator

if TYPE_CHECKING:
    from scgde.nn.cells import CellSpec


class DirectGenerator(Generator):
    """Map of noise to cells in one evaluation of the network, trained on a divergence D between sets of cells.

    Two draws of one population differ, and a generator that only minimises the distance to its targets is narrower
    than they are. Hence the loss is ``D(draw, cells) + D(other draw, cells) - D(draw, other draw)``: up to a constant,
    an estimate of a generalised energy distance. The draws have as many cells and the weights of the target. Distances
    between cells are Euclidean, over all their values.

    Parameters
    ----------
    spec
        Cells of real numbers.
    n_context
        Dimensions of the context.
    backbone
        Name of the network, see ``scgde.nn.BACKBONES``.
    backbone_kwargs
        Its options.

    References
    ----------
    :cite:t:`Salimans18`, eq. 6.
    """

    supports = frozenset({"continuous", "images"})

    def __init__(
        self, spec: CellSpec, n_context: int, *, backbone: str = "mlp", backbone_kwargs: dict[str, Any] | None = None
    ) -> None:
        super().__init__(spec, n_context)
        self.backbone = build_backbone(backbone, spec, n_context, backbone_kwargs)

    @abstractmethod
    def divergence(self, x: Tensor, weights_x: Tensor, y: Tensor, weights_y: Tensor, scale: Tensor) -> Tensor:
        """Divergence of each pair of sets, cells ``(S, M, D)``, shape ``(S,)``; ``scale``, same shape, is a length."""

    def scale(self, x: Tensor, weights: Tensor) -> Tensor:
        """A length of each target, shape ``(S,)``, for divergences that need one."""
        return x.new_ones(len(x))

    def loss(self, target: Tensor, weights: Tensor, context: Tensor) -> Tensor:
        draw, other = (self._cells(torch.randn_like(target), context).flatten(2) for _ in range(2))
        target = target.flatten(2)
        first, second = torch.cat([draw, other, draw]), torch.cat([target, target, other])
        weights, scale = weights.repeat(3, 1), self.scale(target, weights).repeat(3)
        of_draw, of_other, between_draws = self.divergence(first, weights, second, weights, scale).chunk(3)
        return of_draw + of_other - between_draws

    def sample(self, context: Tensor, n_cells: int, *, rng: torch.Generator | None = None) -> Tensor:
        self.check_context(context)
        return self._cells(self._noise(context, n_cells, rng), context)

    def _cells(self, noise: Tensor, context: Tensor) -> Tensor:
        return noise + self.backbone(noise, noise.new_zeros(noise.shape[:2]), context)
