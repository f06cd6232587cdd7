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
    n_features, n_embed, backbone, backbone_kwargs
        See :class:`DirectTransport`.

    References
    ----------
    :cite:t:`Feydy19`, eq. 3.
    """

    def divergence(self, moved: Tensor, moved_weights: Tensor, target: Tensor, target_weights: Tensor) -> Tensor:
        scale = root_mean_squared_distance(target, target_weights, target, target_weights)
        return sinkhorn_divergence(moved, moved_weights, target, target_weights, scale=scale)
