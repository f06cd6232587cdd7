"""Distances between weighted sets of cells, differentiable and batched over sets."""

from __future__ import annotations

import torch
from torch import Tensor


def random_directions(n_directions: int, like: Tensor, *, rng: torch.Generator | None = None) -> Tensor:
    """Uniform unit vectors, shape ``(G, n_directions)``, for cells shaped as ``like``, ``(S, M, G)``."""
    normal = torch.randn(like.shape[-1], n_directions, generator=rng, dtype=like.dtype).to(like.device)
    return normal / normal.norm(dim=0, keepdim=True)


def projected_quantiles(x: Tensor, weights: Tensor, directions: Tensor, *, n_quantiles: int = 64) -> Tensor:
    """Quantiles of each set along each direction.

    Parameters
    ----------
    x
        Cells, shape ``(S, M, G)``.
    weights
        Non-negative, each row sums to 1, shape ``(S, M)``.
    directions
        Unit vectors, shape ``(G, D)``.
    n_quantiles
        Levels, at the middles of equal parts of [0, 1].

    Returns
    -------
    Shape ``(S, D, n_quantiles)``.
    """
    values, order = (x @ directions).transpose(1, 2).sort(dim=-1)
    mass = weights[:, None, :].expand_as(values).gather(-1, order).cumsum(-1)
    levels = (torch.arange(n_quantiles, dtype=x.dtype, device=x.device) + 0.5) / n_quantiles
    index = torch.searchsorted(mass, levels.expand(*mass.shape[:-1], -1).contiguous())
    return values.gather(-1, index.clamp_max(x.shape[1] - 1))


def sliced_wasserstein2(quantiles_a: Tensor, quantiles_b: Tensor) -> Tensor:
    """Squared sliced W2, from :func:`projected_quantiles`.

    Parameters
    ----------
    quantiles_a, quantiles_b
        Shape ``(..., D, Q)``.

    Returns
    -------
    Mean over directions and levels, shape ``(...)``, in squared units of the cells. Two sets that differ by a shift
    of length s have s ** 2 / G.
    """
    return (quantiles_a - quantiles_b).square().mean(dim=(-1, -2))
