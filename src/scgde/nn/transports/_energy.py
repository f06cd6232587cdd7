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
    n_features, n_embed, backbone, backbone_kwargs
        See :class:`DirectTransport`.

    References
    ----------
    :cite:t:`Szekely13`.
    """

    def divergence(self, moved: Tensor, moved_weights: Tensor, target: Tensor, target_weights: Tensor) -> Tensor:
        return energy_distance(moved, moved_weights, target, target_weights, unbiased=True)
