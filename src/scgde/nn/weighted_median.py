"""Weighted median over the cells of a set."""

from __future__ import annotations

import torch
from torch import Tensor

# Shares of 1/2 must be recognised in float32 weights, each wrong by up to 6e-8 of itself.
_TOLERANCE = 1e-6
_MAX_SORTED = 2**24


def weighted_median(x: Tensor, weights: Tensor) -> Tensor:
    """Median of each feature over the cells of each set.

    The mean of the lower and the upper median: the smallest values that at least half of the weight, and more
    than half, do not exceed. Duplicating all cells does not change it; equal weights give the usual median.

    Parameters
    ----------
    x
        One vector per cell, shape ``(S, M, H)``.
    weights
        Non-negative, each row sums to 1, shape ``(S, M)``. They get no gradient.

    Returns
    -------
    One vector per set, shape ``(S, H)``.
    """
    # Some features at a time, as sorting takes several times the memory of what is sorted.
    n_features = max(1, _MAX_SORTED // weights.numel())
    return torch.cat([_median(part, weights.detach()) for part in x.split(n_features, dim=-1)], dim=-1)


def _median(x: Tensor, weights: Tensor) -> Tensor:
    values, order = x.transpose(1, 2).sort(dim=-1)
    mass = weights[:, None, :].expand_as(values).gather(-1, order).cumsum(-1, dtype=torch.float64)
    share = mass / mass[..., -1:]
    lower = (share < 0.5 - _TOLERANCE).sum(-1, keepdim=True)
    upper = (share <= 0.5 + _TOLERANCE).sum(-1, keepdim=True)
    return (0.5 * (values.gather(-1, lower) + values.gather(-1, upper))).squeeze(-1)
