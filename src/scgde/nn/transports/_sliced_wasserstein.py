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
    n_features, n_embed, backbone, backbone_kwargs
        See :class:`DirectTransport`.

    References
    ----------
    :cite:t:`Bonneel15`.
    """

    def divergence(self, moved: Tensor, moved_weights: Tensor, target: Tensor, target_weights: Tensor) -> Tensor:
        directions = random_directions(_N_DIRECTIONS, moved)
        sets = ((moved, moved_weights), (target, target_weights))
        return sliced_wasserstein2(*(projected_quantiles(x, weights, directions) for x, weights in sets))
