from __future__ import annotations

from typing import TYPE_CHECKING

from scgde.nn.divergences import root_mean_squared_distance, sinkhorn_divergence
from scgde.nn.transports._base import TRANSPORTS
from scgde.nn.transports._direct import DirectTransport

if TYPE_CHECKING:
    from torch import Tensor


@TRANSPORTS.register("sinkhorn")
class Sinkhorn(DirectTransport):
    """Direct map trained by the debiased Sinkhorn divergence.

    Parameters
    ----------
    spec, n_context, backbone, backbone_kwargs
        See ``DirectTransport``.

    References
    ----------
    :cite:t:`Feydy19`, eq. 3.
    """

    def divergence(self, x: Tensor, weights_x: Tensor, y: Tensor, weights_y: Tensor) -> Tensor:
        scale = root_mean_squared_distance(y, weights_y, y, weights_y)
        return sinkhorn_divergence(x, weights_x, y, weights_y, scale=scale)
