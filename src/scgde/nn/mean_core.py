"""The part of an embedding that is known before any training, for cells that are no vectors: means of sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from scgde.nn.constants import identity
from scgde.nn.influence import influence_of_mean
from scgde.nn.layers import weighted_mean
from scgde.nn.moments import signed
from scgde.nn.precision import full_precision

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scgde.nn.transforms import CellTransform

#: Dimensions that a network adds, at most.
_N_LEARNT = 16
#: Ground coordinates of which a covariance is formed.
MAX_COORDINATES = 1024
#: Ridge of the covariance within sets, relative to its mean variance.
_RIDGE = 0.1
#: Smallest factor of a direction: one without signal is damped, not dropped, so that covariances stay regular.
_FLOOR = 0.02


class MeanCore(nn.Module):
    """Mean of a set in ground coordinates, along the directions in which the training sets differ.

    Differences are measured in units of the spread of cells within sets, as linear discriminants are, so that rare
    words count beside common ones, and each direction is damped by the share of noise in it. In closed form, and never
    trained: a new set lies where the mean of its cells lies.

    Parameters
    ----------
    n_coordinates
        Ground coordinates of a cell.
    n_output
        Directions.

    References
    ----------
    :cite:t:`Fisher36`.
    """

    center: Tensor
    directions: Tensor

    def __init__(self, n_coordinates: int, n_output: int) -> None:
        super().__init__()
        self.n_output = n_output
        self.register_buffer("center", torch.zeros(n_coordinates))
        self.register_buffer("directions", identity(n_output, n_coordinates))

    @full_precision
    def fit(self, sets: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Take the directions from batches of training sets: coordinates ``(S, M, D)`` and weights ``(S, M)``."""
        means, noise = [], []
        within = torch.zeros((), dtype=torch.float64)
        for x, weights in sets:
            mean = weighted_mean(x, weights)
            deviations = ((x - mean[:, None]) * weights.sqrt()[..., None]).flatten(0, 1).double()
            within = within + (deviations.T @ deviations).cpu()
            means.append(mean.double().cpu())
            noise.append(weights.square().sum(-1).double().cpu())
        found = torch.cat(means)
        center = found.mean(0)
        whitener = _whitener(within / len(found))
        between = (found - center) @ whitener / len(found) ** 0.5
        values, vectors = torch.linalg.eigh(between.T @ between)
        values, vectors = values.flip(0)[: self.n_output], signed(vectors.flip(1).T[: self.n_output])
        reliable = (1 - torch.cat(noise).mean() / values.clamp_min(1e-12)).clamp(_FLOOR, 1.0)
        scale = (values * reliable.square()).max().sqrt().clamp_min(1e-6)
        self.center.copy_(center)
        self.directions.copy_(reliable[:, None] * vectors @ whitener / scale)

    def lift(self, x: Tensor) -> Tensor:
        """What has to be averaged over the cells of a set: their ground coordinates."""
        return x

    @full_precision
    def readout(self, mean: Tensor) -> Tensor:
        """Coordinates ``(S, K)`` from the mean of ground coordinates ``(S, D)``."""
        return (mean - self.center) @ self.directions.T

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        """Coordinates of ground coordinates ``(S, M, D)`` with weights ``(S, M)``, shape ``(S, K)``."""
        return self.readout(weighted_mean(x, weights))

    def influence(self, x: Tensor, weights: Tensor) -> Tensor:
        """Influence of each cell ``(S, M, D)`` on the coordinates of its set, shape ``(S, M, K)``."""
        return influence_of_mean(self.readout, x, weights)


def n_mean_core(transform: CellTransform, n_latent: int) -> int:
    """Dimensions of ``n_latent`` that means take: three in four, or as many as there are ground coordinates.

    0 where means do not describe sets, or coordinates are too many for a covariance.
    """
    learnt, n_coordinates = max(1, min(_N_LEARNT, n_latent // 4)), n_ground(transform)
    if not transform.describes_by_means or n_coordinates > MAX_COORDINATES:
        return 0
    return min(n_coordinates, n_latent - learnt)


def n_ground(transform: CellTransform) -> int:
    """Number of ground coordinates of a cell."""
    cell = torch.zeros(1, 1, *transform.spec.shape, dtype=transform.spec.dtype)
    return transform.ground(cell).shape[-1]


def _whitener(covariance: Tensor) -> Tensor:
    """Symmetric inverse root of a covariance with a ridge, shape ``(D, D)``."""
    values, vectors = torch.linalg.eigh(covariance)
    ridge = _RIDGE * values.mean().clamp_min(1e-12)
    return (vectors / (values.clamp_min(0) + ridge).sqrt()) @ vectors.T
