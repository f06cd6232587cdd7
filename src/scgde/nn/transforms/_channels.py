from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from scgde._checks import check_one_of
from scgde.nn.transforms._affine import METHODS, mean_and_variance
from scgde.nn.transforms._base import TRANSFORMS, CellTransform

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from scgde.nn.cells import CellSpec

#: Coordinates of an image, at most, in which distances are taken.
MAX_GROUND = 256


@TRANSFORMS.register("channels")
class Channels(CellTransform):
    """Images with one centre and one scale per channel, ``(x - center) / scale``, the same at every pixel.

    Integers become real numbers. Distances between images are Euclidean between images of averaged pixels: blocks of
    ``k`` x ``k`` pixels, with the smallest ``k`` that leaves at most 256 values.

    Parameters
    ----------
    spec
        Images, shape ``(C, Y, X)``.
    method
        ``"feature"`` gives each channel unit variance over pixels and cells, ``"common"`` divides all channels by one
        number, ``"none"`` leaves them.

    Raises
    ------
    ValueError
        If ``method`` is none of these.
    """

    supports = frozenset({"images"})
    describes_by_means = True

    center: Tensor
    scale: Tensor

    def __init__(self, spec: CellSpec, *, method: str = "feature") -> None:
        super().__init__(spec)
        self.method = check_one_of(method, "method", METHODS)
        self.n_averaged = averaged_pixels(spec.shape)
        for name, values in (("center", torch.zeros), ("scale", torch.ones)):
            self.register_buffer(name, values(spec.shape[0], 1, 1))

    def fit(self, blocks: Iterable[Tensor]) -> None:
        if self.method == "none":
            return
        n_channels = self.spec.shape[0]
        pixels = (block.movedim(1, -1).reshape(-1, n_channels) for block in blocks)
        center, variance = mean_and_variance(pixels, n_channels)
        scale = np.sqrt(np.full_like(variance, variance.mean()) if self.method == "common" else variance)
        # A constant channel cannot be scaled.
        scale[scale < 1e-12] = 1.0
        for buffer, values in ((self.center, center), (self.scale, scale)):
            buffer.copy_(torch.from_numpy(values.astype(np.float32)).view_as(buffer))

    def encoder_input(self, x: Tensor) -> Tensor:
        return (x - self.center) / self.scale

    def target(self, x: Tensor) -> Tensor:
        return self.encoder_input(x)

    def restore(self, x: Tensor) -> Tensor:
        return x * self.scale + self.center

    @property
    def ground_scale(self) -> float:
        own_units = self.method == "feature" and len(self.scale) > 1
        return 1.0 if own_units else float(self.scale.flatten()[0])

    def ground(self, x: Tensor) -> Tensor:
        images = self.encoder_input(x).flatten(0, 1)
        averaged = functional.avg_pool2d(images, self.n_averaged, ceil_mode=True, count_include_pad=False)
        return averaged.flatten(1).unflatten(0, x.shape[:2])


def averaged_pixels(shape: tuple[int, ...]) -> int:
    """Side of the smallest blocks of pixels that leave at most 256 averages of an image ``(C, Y, X)``."""
    side = 1
    while np.prod(ground_shape(shape, side)) > MAX_GROUND and side < max(shape[1:]):
        side += 1
    return side


def ground_shape(shape: tuple[int, ...], side: int | None = None) -> tuple[int, int, int]:
    """Shape of an image ``(C, Y, X)`` of averaged pixels, by default as the ground coordinates have them."""
    channels, height, width = shape
    side = averaged_pixels(shape) if side is None else side
    return channels, -(-height // side), -(-width // side)
