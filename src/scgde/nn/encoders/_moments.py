from __future__ import annotations

import torch
from torch import Tensor, nn

from scgde.nn.constants import upper_pairs
from scgde.nn.encoders._base import ENCODERS, MeanPoolingEncoder


@ENCODERS.register("moments")
class Moments(MeanPoolingEncoder):
    """Weighted mean and covariance of the cells, then a linear map: the pseudobulk baseline.

    There are ``G (G + 3) / 2`` moments of ``G`` features: meant for principal components, not for genes.

    Parameters
    ----------
    n_input
        Features of a cell.
    n_embed
        Dimensions of the embedding.
    project
        Map the moments linearly to ``n_embed`` dimensions. Otherwise they are the embedding: the means, then
        the covariances ``(0, 0), (0, 1), ..., (G - 1, G - 1)``, divided by the number of cells, not one less.

    Raises
    ------
    ValueError
        If the moments are not projected, and ``n_embed`` is not their number.
    """

    n_updates = 1

    upper: Tensor

    def __init__(self, n_input: int, n_embed: int, *, project: bool = True) -> None:
        super().__init__(n_input, n_embed)
        self.register_buffer("upper", upper_pairs(n_input), persistent=False)
        n_moments = n_input + self.upper.shape[1]
        if not project and n_embed != n_moments:
            msg = f"`n_embed` must be {n_moments}, one per moment, or `project` must be True, got {n_embed}."
            raise ValueError(msg)
        self.head = nn.Linear(n_moments, n_embed) if project else nn.Identity()

    def lift(self, x: Tensor) -> Tensor:
        return x

    def update(self, depth: int, state: Tensor, mean: Tensor) -> Tensor:
        # Centred before it is squared: the raw second moment loses the digits of a distant mean.
        centred = state - mean[:, None, :]
        return torch.cat([state, centred[..., self.upper[0]] * centred[..., self.upper[1]]], dim=-1)

    def readout(self, mean: Tensor) -> Tensor:
        return self.head(mean)
