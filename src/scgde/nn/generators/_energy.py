from __future__ import annotations

from typing import TYPE_CHECKING

from scgde.nn.divergences import energy_distance
from scgde.nn.generators._base import GENERATORS
from scgde.nn.generators._direct import DirectGenerator

if TYPE_CHECKING:
    from torch import Tensor


@GENERATORS.register("energy")
class Energy(DirectGenerator):
    """Direct map of noise to cells, matched by the energy distance.

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
    :cite:t:`Szekely13`.
    """

    def divergence(self, x: Tensor, weights_x: Tensor, y: Tensor, weights_y: Tensor, scale: Tensor) -> Tensor:
        return energy_distance(x, weights_x, y, weights_y)
