"""Random Fourier features of the Gaussian kernel."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from scgde._checks import check_count, check_positive


class RandomFourier(nn.Module):
    """Cosines and sines of random projections: inner products approach ``exp(-|x - y|^2 / (2 bandwidth^2))``.

    Parameters
    ----------
    n_input
        Features of a cell.
    n_features
        Features made, half of them cosines; the error of a kernel value shrinks as ``n_features ** -0.5``.
    bandwidth
        Standard deviation of the kernel, in the units of the features. None: ``sqrt(2 n_input)``, about the
        median distance between cells whose features have unit variance.

    References
    ----------
    :cite:t:`Rahimi07`.
    """

    frequencies: Tensor

    def __init__(self, n_input: int, *, n_features: int = 512, bandwidth: float | None = None) -> None:
        super().__init__()
        if check_count(n_features, "n_features", minimum=2) % 2:
            msg = f"`n_features` must be even, as each cosine has its sine, got {n_features}."
            raise ValueError(msg)
        width = math.sqrt(2 * n_input) if bandwidth is None else check_positive(bandwidth, "bandwidth")
        self.register_buffer("frequencies", torch.randn(n_input, n_features // 2) / width)

    def forward(self, x: Tensor) -> Tensor:
        """Features of length 1 for each cell, ``(..., G)`` to ``(..., n_features)``."""
        angles = x @ self.frequencies
        return torch.cat([angles.cos(), angles.sin()], dim=-1) / angles.shape[-1] ** 0.5
