"""Small networks that encoders, generators and transports share."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn


def weighted_mean(x: Tensor, weights: Tensor) -> Tensor:
    """Mean over the cells of each set.

    Parameters
    ----------
    x
        One vector per cell, shape ``(S, M, H)``.
    weights
        Non-negative, each row sums to 1, shape ``(S, M)``.

    Returns
    -------
    One vector per set, shape ``(S, H)``.
    """
    # Summed in pairs: a matrix product over 1e5 cells is wrong by 1e-4 in float32.
    return (x * weights[:, :, None]).sum(1)


def mlp(n_input: int, n_output: int, *, n_hidden: int, n_layers: int) -> nn.Sequential:
    """Perceptron with ``n_layers`` hidden layers; SiLU, since the embedding has to be smooth in the cells."""
    sizes = [n_input] + [n_hidden] * n_layers
    layers: list[nn.Module] = []
    for size_in, size_out in itertools.pairwise(sizes):
        layers += [nn.Linear(size_in, size_out), nn.SiLU()]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], n_output))


class FourierTime(nn.Module):
    """Cosines and sines of a time in [0, 1].

    Parameters
    ----------
    n_frequencies
        Octaves, half a period to ``2 ** (n_frequencies - 2)`` periods over the unit interval.
    """

    frequencies: Tensor

    def __init__(self, n_frequencies: int = 6) -> None:
        super().__init__()
        frequencies = torch.tensor([math.pi * 2.0**i for i in range(n_frequencies)])
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.n_output = 2 * n_frequencies + 1

    def forward(self, time: Tensor) -> Tensor:
        """Features of ``time``, shape ``(...)`` to ``(..., n_output)``."""
        time = time[..., None]
        angles = time * self.frequencies
        return torch.cat([time, angles.cos(), angles.sin()], dim=-1)
