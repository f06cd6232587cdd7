from __future__ import annotations

from typing import TYPE_CHECKING

from scgde.nn.divergences import median_distance, mmd
from scgde.nn.transports._base import TRANSPORTS
from scgde.nn.transports._direct import DirectTransport

if TYPE_CHECKING:
    from torch import Tensor


@TRANSPORTS.register("mmd")
class MMD(DirectTransport):
    """Direct map trained by the squared maximum mean discrepancy of Gaussian kernels of several widths.

    Parameters
    ----------
    n_features, n_embed, backbone, backbone_kwargs
        See :class:`DirectTransport`.

    References
    ----------
    :cite:t:`Gretton12`.
    """

    def divergence(self, moved: Tensor, moved_weights: Tensor, target: Tensor, target_weights: Tensor) -> Tensor:
        scale = median_distance(target, target_weights, target, target_weights)
        return mmd(moved, moved_weights, target, target_weights, scale=scale, unbiased=True)
