"""What an encoder sees of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from scgde.nn import FEATURIZERS, Featurizer

if TYPE_CHECKING:
    from scgde.nn import CellSpec


@FEATURIZERS.register("my_image_convolution")
class ImageConvolution(Featurizer):
    """Two convolutions, each of which halves the sides, and a linear map.

    Parameters
    ----------
    spec
        Images, with sides that are multiples of 4.
    n_output
        Features made.
    """

    supports = frozenset({"images"})

    def __init__(self, spec: CellSpec, *, n_output: int = 32) -> None:
        super().__init__()
        channels, height, width = spec.shape
        self.n_output = n_output
        self.network = nn.Sequential(
            nn.Conv2d(channels, 16, 3, stride=2, padding=1),
            nn.SiLU(),
            nn.Conv2d(16, 16, 3, stride=2, padding=1),
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(height * width, n_output),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x.flatten(0, 1)).unflatten(0, x.shape[:2])
