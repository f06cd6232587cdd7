from __future__ import annotations

from typing import TYPE_CHECKING

from scgde.nn.divergences import median_distance, mmd
from scgde.nn.generators._base import GENERATORS
from scgde.nn.generators._direct import DirectGenerator

if TYPE_CHECKING:
    from torch import Tensor


@GENERATORS.register("mmd")
class MMD(DirectGenerator):
    """Direct map of noise to cells, matched by the maximum mean discrepancy.

    The kernel is a mixture of Gaussians, with bandwidths around the median distance within the target.

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
    :cite:t:`Gretton12`.
    """

    def divergence(self, x: Tensor, weights_x: Tensor, y: Tensor, weights_y: Tensor, scale: Tensor) -> Tensor:
        return mmd(x, weights_x, y, weights_y, scale=scale)

    def scale(self, x: Tensor, weights: Tensor) -> Tensor:
        return median_distance(x, weights, x, weights)
