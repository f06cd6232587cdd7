from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from scgde.nn.backbones import BACKBONES
from scgde.nn.transports._base import Transport, check_times

if TYPE_CHECKING:
    from collections.abc import Sequence


class DirectTransport(Transport):
    """One step from source to target cells, trained by a distance between moved and target cells.

    Only the moved *set* is compared: which cell goes where is left open, unlike in flow matching.

    Parameters
    ----------
    n_features
        Features of a cell.
    n_embed
        Dimensions of each embedding.
    backbone
        Name of the network that gives the displacement of a cell, see ``scgde.nn.backbones``.
    backbone_kwargs
        Its options.
    """

    def __init__(
        self, n_features: int, n_embed: int, *, backbone: str = "mlp", backbone_kwargs: dict[str, Any] | None = None
    ) -> None:
        super().__init__()
        self.n_features, self.n_embed = n_features, n_embed
        self.backbone = BACKBONES[backbone](n_features, 2 * n_embed, **(backbone_kwargs or {}))

    @abstractmethod
    def divergence(self, moved: Tensor, moved_weights: Tensor, target: Tensor, target_weights: Tensor) -> Tensor:
        """Divergence between moved cells ``(S, M, G)`` and target cells ``(S, N, G)``, shape ``(S,)``."""

    def loss(
        self,
        source: Tensor,
        target: Tensor,
        source_embedding: Tensor,
        target_embedding: Tensor,
        *,
        source_weights: Tensor,
        target_weights: Tensor,
    ) -> Tensor:
        moved = source + self._displacement(source, source_embedding, target_embedding)
        return self.divergence(moved, source_weights, target, target_weights)

    def push(
        self,
        source: Tensor,
        source_embedding: Tensor,
        target_embedding: Tensor,
        *,
        times: Sequence[float] = (1.0,),
        rng: torch.Generator | None = None,
    ) -> Tensor:
        self._check_push(source, source_embedding, target_embedding, times)
        displacement = self._displacement(source, source_embedding, target_embedding)
        return torch.stack([source + time * displacement for time in check_times(times)])

    def _displacement(self, source: Tensor, source_embedding: Tensor, target_embedding: Tensor) -> Tensor:
        context = torch.cat([source_embedding, target_embedding], dim=-1)
        return self.backbone(source, torch.zeros_like(source[..., :1]), context)
