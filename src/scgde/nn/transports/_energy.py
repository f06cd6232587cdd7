from __future__ import annotations

from typing import TYPE_CHECKING

from scgde.nn.divergences import energy_distance
from scgde.nn.transports._base import TRANSPORTS
from scgde.nn.transports._direct import DirectTransport

if TYPE_CHECKING:
    from torch import Tensor


@TRANSPORTS.register("energy")
class Energy(DirectTransport):
    """Direct map trained by the energy distance.

    Parameters
    ----------
    spec, n_context, backbone, backbone_kwargs
        See ``DirectTransport``.

    References
    ----------
    :cite:t:`Szekely13`.
    """

    def divergence(self, x: Tensor, weights_x: Tensor, y: Tensor, weights_y: Tensor) -> Tensor:
        return energy_distance(x, weights_x, y, weights_y, unbiased=True)
