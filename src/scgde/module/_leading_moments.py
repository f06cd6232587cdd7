from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from scgde.nn.constants import identity
from scgde.nn.linear_core import LinearCore

if TYPE_CHECKING:
    from scgde.nn.mean_core import MeanCore

#: Moments that are seen, and the largest value of one.
_N_SEEN, _MAX = 5, 3.0


class LeadingMoments(nn.Module):
    """The moments in which sets differ most, in standard deviations of the training sets, and bounded.

    What a decoder knows of a set. All cells of a donor have something in common that no cell shows: a cell of some
    hundred counts leaves the level of a gene open by far more than donors differ. Few moments, as there may be tens of
    training sets only. One more says how deeply the cells were sequenced, see :meth:`LinearCore.along_noise`.

    Parameters
    ----------
    core
        What is known of a set; None for nothing.
    """

    directions: Tensor
    scale: Tensor

    def __init__(self, core: LinearCore | MeanCore | None) -> None:
        super().__init__()
        n_core = 0 if core is None else core.n_output
        self.n_output = min(_N_SEEN, n_core) + _along_noise(core).shape[1]
        self.register_buffer("directions", identity(n_core, self.n_output))
        self.register_buffer("scale", torch.ones(self.n_output))

    def fit(self, moments: Tensor, core: LinearCore | MeanCore) -> None:
        """Take directions and units from the moments of the training sets, shape ``(S, K)``."""
        noise = _along_noise(core)
        self.directions[:, self.n_output - noise.shape[1] :] = noise
        self.scale.copy_((moments @ self.directions).std(0, correction=0).clamp_min(1e-3))

    def forward(self, moments: Tensor) -> Tensor:
        """What is seen of moments ``(S, K)``, shape ``(S, n_output)``."""
        return (moments @ self.directions / self.scale).clamp(-_MAX, _MAX)


def _along_noise(core: LinearCore | MeanCore | None) -> Tensor:
    """Direction of the depth of a set, ``(K, 1)``; ``(K, 0)`` where moments have no widths."""
    if isinstance(core, LinearCore):
        return core.along_noise()
    return torch.zeros(0 if core is None else core.n_output, 0)
