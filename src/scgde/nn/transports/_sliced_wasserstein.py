from __future__ import annotations

from typing import TYPE_CHECKING

from scgde.nn.divergences import projected_quantiles, random_directions, sliced_wasserstein2
from scgde.nn.transports._base import TRANSPORTS
from scgde.nn.transports._direct import DirectTransport

if TYPE_CHECKING:
    from torch import Tensor

#: Drawn anew in each step.
_N_DIRECTIONS = 32


@TRANSPORTS.register("sliced_wasserstein")
class SlicedWasserstein(DirectTransport):
    """Direct map trained by the squared sliced Wasserstein-2 distance.

    Parameters
    ----------
    spec, n_context, backbone, backbone_kwargs
        See ``DirectTransport``.

    References
    ----------
    :cite:t:`Bonneel15`.
    """

    def divergence(self, x: Tensor, weights_x: Tensor, y: Tensor, weights_y: Tensor) -> Tensor:
        directions = random_directions(_N_DIRECTIONS, x)
        quantiles = (projected_quantiles(*part, directions) for part in ((x, weights_x), (y, weights_y)))
        return sliced_wasserstein2(*quantiles)
