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
    spec, n_context, backbone, backbone_kwargs
        See ``DirectTransport``.

    References
    ----------
    :cite:t:`Gretton12`.
    """

    def divergence(self, x: Tensor, weights_x: Tensor, y: Tensor, weights_y: Tensor) -> Tensor:
        scale = median_distance(y, weights_y, y, weights_y)
        return mmd(x, weights_x, y, weights_y, scale=scale, unbiased=True)
