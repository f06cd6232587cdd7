"""How much of what is measured of sets of cells would be measured again on other cells of the same sets."""

from __future__ import annotations

from typing import NamedTuple, Self

import torch
from torch import Tensor

#: Variance of a coordinate in which the training sets do not differ, relative to the average one.
_PRIOR = 0.1
#: Effective cells from which a set has two halves.
_MIN_CELLS = 1.5


def halves(weights: Tensor) -> tuple[Tensor, Tensor]:
    """Weights of the cells at even and at odd positions of sets ``(S, M)``; zeros where there is no such cell."""
    is_even = (torch.arange(weights.shape[1], device=weights.device) % 2 == 0).to(weights.dtype)
    return _normalized(weights * is_even), _normalized(weights * (1 - is_even))


def n_effective(weights: Tensor) -> Tensor:
    """Cells of equal weight that tell as much as those of sets with weights ``(S, M)``, shape ``(S,)``."""
    return weights.sum(dim=1).square() / weights.square().sum(dim=1)


def _normalized(weights: Tensor) -> Tensor:
    return weights / weights.sum(dim=1, keepdim=True).clamp_min(torch.finfo(weights.dtype).tiny)


class Reliability(NamedTuple):
    """What is to be believed of coordinates of sets.

    Parameters
    ----------
    share
        Share of the variance of each coordinate between sets that is no sampling noise, shape ``(K,)``.
    noise
        Standard deviation of the noise, shape ``(K,)``.
    """

    share: Tensor
    noise: Tensor

    @classmethod
    def of(cls, whole: Tensor, first: Tensor, second: Tensor, n_cells: Tensor) -> Self:
        """Reliability for a set of median size; the noise is read off the differences of halves of sets.

        Parameters
        ----------
        whole, first, second
            Coordinates of sets and of their halves, shape ``(S, K)``.
        n_cells
            Cells of each set, shape ``(S,)``. Sets of a single cell tell nothing of the noise.
        """
        is_divided = n_cells >= _MIN_CELLS
        if is_divided.sum() < 2:
            return cls(torch.zeros_like(whole[0]), whole.std(dim=0))
        whole, first, second, n_cells = (part[is_divided] for part in (whole, first, second, n_cells))
        # Two estimates of either, of which the less favourable one holds: widths of a few cells are not linear in them,
        # and directions that were chosen by the same sets show too little or too much of the variance of the whole.
        variance, covariance = whole.var(dim=0), _covariance(first, second)
        noise = 0.25 * (first - second).square().mean(dim=0)
        signal = torch.minimum(covariance, variance - noise).clamp_min(0)
        noise = torch.maximum(noise, variance - signal) / (n_cells.median() * (1 / n_cells).mean())
        signal = signal + _PRIOR * signal.mean()
        share = torch.where(noise > 0, signal / (signal + noise), 1.0)
        return cls(share, noise.sqrt())


def _covariance(first: Tensor, second: Tensor) -> Tensor:
    return ((first - first.mean(dim=0)) * (second - second.mean(dim=0))).sum(dim=0) / (len(first) - 1)
