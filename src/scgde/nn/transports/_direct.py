from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from scgde.nn.backbones import build_backbone
from scgde.nn.transports._base import Transport, check_times

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scgde.nn.cells import CellSpec, Ends, Measure


class DirectTransport(Transport):
    """One step from source to target cells, trained by a distance between transported and target cells.

    Only the transported *set* is compared: which cell goes where is left open, unlike in flow matching. Distances
    between cells are Euclidean, over all their values.

    Parameters
    ----------
    spec
        Cells of real numbers.
    n_context
        Dimensions of the context of each end.
    backbone
        Name of the network that gives the displacement of a cell, see ``scgde.nn.BACKBONES``.
    backbone_kwargs
        Its options.
    """

    supports = frozenset({"continuous", "images"})

    def __init__(
        self, spec: CellSpec, n_context: int, *, backbone: str = "mlp", backbone_kwargs: dict[str, Any] | None = None
    ) -> None:
        super().__init__(spec, n_context)
        self.backbone = build_backbone(backbone, spec, 2 * n_context, backbone_kwargs)

    @abstractmethod
    def divergence(self, x: Tensor, weights_x: Tensor, y: Tensor, weights_y: Tensor) -> Tensor:
        """Divergence between transported cells ``(S, M, D)`` and target cells ``(S, N, D)``, shape ``(S,)``."""

    def loss(self, source: Measure, target: Measure, context: Ends) -> Tensor:
        end = source.x + self._displacement(source.x, context)
        return self.divergence(end.flatten(2), source.weights, target.x.flatten(2), target.weights)

    def push(
        self,
        source: Tensor,
        context: Ends,
        *,
        times: Sequence[float] = (1.0,),
        rng: torch.Generator | None = None,
    ) -> Tensor:
        self._check_push(source, context, times)
        displacement = self._displacement(source, context)
        return torch.stack([source + time * displacement for time in check_times(times)])

    def _displacement(self, source: Tensor, context: Ends) -> Tensor:
        return self.backbone(source, source.new_zeros(source.shape[:2]), torch.cat(context, dim=-1))
