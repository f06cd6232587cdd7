from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from scgde._checks import check_count
from scgde.nn.featurizers._base import FEATURIZERS, Featurizer

if TYPE_CHECKING:
    from scgde.nn.cells import CellSpec

#: Sides at which convolutions end and a linear map of all positions follows.
_LAST_SIDE = 4


@FEATURIZERS.register("conv2d")
class Conv2d(Featurizer):
    """Convolutions, each of which halves the sides of an image down to 4 pixels, and a linear map of what is left.

    Nothing is normalised over cells, so that the vector of a cell depends on this cell alone.

    Parameters
    ----------
    spec
        Images, shape ``(C, Y, X)``.
    n_output
        Features made.
    n_hidden
        Channels of the first convolution; each further one has twice as many, up to four times.
    """

    supports = frozenset({"images"})

    def __init__(self, spec: CellSpec, *, n_output: int = 64, n_hidden: int = 16) -> None:
        super().__init__()
        self.n_output = check_count(n_output, "n_output")
        width, *sides = spec.shape
        wider = check_count(n_hidden, "n_hidden")
        layers: list[nn.Module] = []
        while max(sides) > _LAST_SIDE:
            layers += [nn.Conv2d(width, wider, 3, stride=2, padding=1), nn.SiLU()]
            width, wider, sides = wider, min(2 * wider, 4 * n_hidden), [-(-side // 2) for side in sides]
        self.network = nn.Sequential(*layers, nn.Flatten(), nn.Linear(width * sides[0] * sides[1], n_output))

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x.flatten(0, 1)).unflatten(0, x.shape[:2])
