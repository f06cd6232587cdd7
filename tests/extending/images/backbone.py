"""The network inside a flow of images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from scgde.nn import BACKBONES, Backbone

if TYPE_CHECKING:
    from scgde.nn import CellSpec


@BACKBONES.register("my_convolution")
class Convolution(Backbone):
    """Three convolutions, with a map of context and time added after the first.

    Parameters
    ----------
    spec
        Images.
    n_context
        Dimensions of the context.
    n_hidden
        Channels.
    n_extra
        Inputs of a cell after its features, which images do not have.
    """

    supports = frozenset({"images"})

    def __init__(self, spec: CellSpec, n_context: int, *, n_hidden: int = 16, n_extra: int = 0) -> None:
        super().__init__()
        channels, *size = spec.shape
        n_given = n_hidden * spec.size // channels
        self.given = nn.Sequential(nn.Linear(n_context + 1, n_given), nn.Unflatten(-1, (n_hidden, *size)))
        self.first = nn.Conv2d(channels, n_hidden, 3, padding=1)
        self.second = nn.Conv2d(n_hidden, n_hidden, 3, padding=1)
        self.last = nn.Conv2d(n_hidden, channels, 3, padding=1)

    def forward(self, x: Tensor, time: Tensor, context: Tensor) -> Tensor:
        given = torch.cat([context[:, None].expand(*time.shape, -1), time[..., None]], dim=-1)
        state = self.first(x.flatten(0, 1)) + self.given(given.flatten(0, 1))
        state = self.second(functional.silu(state))
        return self.last(functional.silu(state)).unflatten(0, x.shape[:2])
