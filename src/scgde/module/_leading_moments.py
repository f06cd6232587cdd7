from __future__ import annotations

import torch
from torch import Tensor, nn

#: Moments that are seen, and the largest value of one.
_N_SEEN, _MAX = 5, 3.0


class LeadingMoments(nn.Module):
    """The moments in which sets differ most, in standard deviations of the training sets, and bounded.

    What a decoder is told of a set. All cells of a donor have something in common that no cell shows: a cell of some
    hundred counts leaves the level of a gene open by far more than donors differ. Few moments, as there may be tens of
    training sets only.

    Parameters
    ----------
    n_core
        Moments that are known of a set, those of the largest variance between sets first.
    """

    scale: Tensor

    def __init__(self, n_core: int) -> None:
        super().__init__()
        self.n_output = n_leading(n_core)
        self.register_buffer("scale", torch.ones(self.n_output))

    def fit(self, core: Tensor) -> None:
        """Take the units from the moments of the training sets, shape ``(S, n_core)``."""
        self.scale.copy_(core[:, : self.n_output].std(0, correction=0).clamp_min(1e-3))

    def forward(self, core: Tensor) -> Tensor:
        """Leading ones of moments ``(S, n_core)``, shape ``(S, n_output)``."""
        return (core[:, : self.n_output] / self.scale).clamp(-_MAX, _MAX)


def n_leading(n_core: int) -> int:
    """How many of ``n_core`` moments are seen."""
    return min(_N_SEEN, n_core)
