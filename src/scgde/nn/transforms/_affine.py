from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from scgde._checks import check_one_of
from scgde.nn.transforms._base import TRANSFORMS, CellTransform

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from scgde.nn.cells import CellSpec

METHODS = ("common", "feature", "none")


@TRANSFORMS.register("affine")
class Affine(CellTransform):
    """Centred and scaled cells, ``(x - center) / scale``, for encoder and generator alike.

    Parameters
    ----------
    spec
        Cells of real numbers.
    method
        ``"feature"`` gives each feature unit variance, ``"common"`` divides all by one number, so that distances keep
        their proportions, ``"none"`` leaves them.

    Raises
    ------
    ValueError
        If ``method`` is none of these.
    """

    supports = frozenset({"continuous", "images"})

    center: Tensor
    scale: Tensor

    def __init__(self, spec: CellSpec, *, method: str = "common") -> None:
        super().__init__(spec)
        self.method = check_one_of(method, "method", METHODS)
        self.register_buffer("center", torch.zeros(spec.shape))
        self.register_buffer("scale", torch.ones(spec.shape))

    def fit(self, blocks: Iterable[Tensor]) -> None:
        center, variance = mean_and_variance(blocks, self.spec.size)
        if self.method == "none":
            center, variance = np.zeros_like(center), np.ones_like(variance)
        scale = np.sqrt(np.full_like(variance, variance.mean()) if self.method == "common" else variance)
        # A constant feature, or all of them, cannot be scaled.
        scale[scale < 1e-12] = 1.0
        for buffer, values in ((self.center, center), (self.scale, scale)):
            buffer.copy_(torch.from_numpy(values.astype(np.float32)).view(self.spec.shape))

    def encoder_input(self, x: Tensor) -> Tensor:
        return (x - self.center).div_(self.scale)  # one copy of the cells, not two

    def target(self, x: Tensor) -> Tensor:
        return self.encoder_input(x)

    def restore(self, x: Tensor) -> Tensor:
        return (x * self.scale).add_(self.center)

    @property
    def ground_scale(self) -> float:
        return 1.0 if self.method == "feature" else float(self.scale.flatten()[0])

    def ground(self, x: Tensor) -> Tensor:
        return self.encoder_input(x).flatten(2)

    def shift(self, x: Tensor, displacement: Tensor) -> Tensor:
        return x + (displacement.view(-1, 1, *self.spec.shape) * self.scale).to(x.dtype)


def mean_and_variance(blocks: Iterable[Tensor], size: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of each value over all cells, float64 of shape ``(size,)``, in one pass.

    References
    ----------
    :cite:t:`Chan83`, for the update by a block.
    """
    n_seen, mean, variance = 0, np.zeros(size), np.zeros(size)
    for cells in blocks:
        block = cells.flatten(1).double().cpu().numpy()
        n_seen, delta = n_seen + len(block), block.mean(axis=0) - mean
        share = len(block) / n_seen
        variance = (1 - share) * variance + share * block.var(axis=0) + share * (1 - share) * delta**2
        mean = mean + share * delta
    return mean, variance
