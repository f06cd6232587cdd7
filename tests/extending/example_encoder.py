"""An encoder of one's own: the mean and the variance of each feature, then a linear map."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from scgde.nn import ENCODERS, Encoder
from scgde.nn.layers import weighted_mean


@ENCODERS.register("mean_variance")
class MeanVariance(Encoder):
    """Weighted mean and variance of each feature, then a linear map.

    Parameters
    ----------
    n_input
        Features of a cell.
    n_embed
        Dimensions of the embedding.
    """

    def __init__(self, n_input: int, n_embed: int) -> None:
        super().__init__(n_input, n_embed)
        self.head = nn.Linear(2 * n_input, n_embed)

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        mean = weighted_mean(x, weights)
        variance = weighted_mean((x - mean[:, None]).square(), weights)
        return self.head(torch.cat([mean, variance], dim=-1))
