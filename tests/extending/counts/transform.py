"""Encoders see the logarithm of normalised counts, generators the counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from scgde.nn.transforms import TRANSFORMS, CellTransform

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from scgde.nn import CellSpec


@TRANSFORMS.register("my_log_normalize")
class LogNormalize(CellTransform):
    """``log(1 + x size / total)`` for encoders, with the mean total of a training cell as the size."""

    supports = frozenset({"counts"})
    ground_scale = 1.0

    size: Tensor

    def __init__(self, spec: CellSpec) -> None:
        super().__init__(spec)
        self.register_buffer("size", torch.ones(()))

    def fit(self, blocks: Iterable[Tensor]) -> None:
        totals = torch.cat([block.sum(1).double() for block in blocks])
        self.size.copy_(totals.mean())

    def encoder_input(self, x: Tensor) -> Tensor:
        return (x * self.size / x.sum(-1, keepdim=True).clamp_min(1)).log1p()

    def target(self, x: Tensor) -> Tensor:
        return x

    def restore(self, x: Tensor) -> Tensor:
        return x

    def ground(self, x: Tensor) -> Tensor:
        return self.encoder_input(x)
