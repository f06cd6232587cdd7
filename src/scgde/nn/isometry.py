from __future__ import annotations

from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor, nn

from scgde._checks import check_count, check_one_of
from scgde.nn.cells import take_cells
from scgde.nn.divergences import (
    entropic_transport,
    projected_quantiles,
    random_directions,
    sliced_wasserstein2,
    zero_absent,
)
from scgde.nn.layers import weighted_mean
from scgde.nn.mean_core import MAX_COORDINATES, MeanCore, n_ground
from scgde.nn.precision import full_precision

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scgde.nn.transforms import CellTransform

GROUNDS = ("sliced", "sinkhorn", "gaussian")
# Of the mean squared distance between cells of different sets. The weaker, the nearer to W2, and the more cells it
# needs.
_EPSILON = 0.05
_N_ROUNDS = 2
#: Discriminant coordinates, at most.
_N_DISCRIMINANTS = 16


class Isometry(nn.Module):
    """Misfit between latent L2 and W2 over pairs of sets in a batch, up to one learnt scale.

    Parameters
    ----------
    ground
        ``"sliced"`` for sliced W2; ``"sinkhorn"`` for the root of the Sinkhorn divergence, as in Wasserstein
        Wormhole: nearer to W2 in many dimensions, and several times as long; or ``"gaussian"`` for W2 between Gaussians
        with the moments of the sets, in discriminant coordinates, see :meth:`fit`.
    n_coordinates
        Ground coordinates of a cell, which ``"gaussian"`` must know; None for distances in the coordinates as they are.
    n_directions
        Directions that sliced W2 is averaged over, drawn anew each time.
    n_shifts
        Partners of each set.
    n_cells
        Cells of each set, at most, that the Sinkhorn divergence sees.

    Raises
    ------
    ValueError
        If ``ground`` is none of these, a count is below 1, or there are too many coordinates for a covariance.

    References
    ----------
    :cite:t:`Haviv24`, eq. 5, for the regression; :cite:t:`Bonneel15`; :cite:t:`Feydy19`; :cite:t:`Bhatia19`.
    """

    #: None where distances are taken in the ground coordinates themselves.
    discriminants: MeanCore

    def __init__(
        self,
        *,
        ground: str = "sliced",
        n_coordinates: int | None = None,
        n_directions: int = 32,
        n_shifts: int = 4,
        n_cells: int = 50,
    ) -> None:
        super().__init__()
        self.ground = check_one_of(ground, "ground", GROUNDS)
        self.register_module("discriminants", _discriminants(n_coordinates) if ground == "gaussian" else None)
        self.n_directions = check_count(n_directions, "n_directions")
        self.n_shifts = check_count(n_shifts, "n_shifts")
        self.n_cells = check_count(n_cells, "n_cells")
        self.log_scale = nn.Parameter(torch.zeros(()))

    @classmethod
    def of(cls, transform: CellTransform, ground: str) -> Self:
        """The term for the ground coordinates of a transform."""
        return cls(ground=ground, n_coordinates=n_ground(transform) if ground == "gaussian" else None)

    def fit(self, sets: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Learn discriminant coordinates from ground coordinates ``(S, M, D)`` and weights ``(S, M)`` of training sets.

        These are the directions in which sets differ, in units of the spread of cells within sets: what all sets vary
        in alike has no part in the distance. Other grounds have nothing to learn.
        """
        if self.discriminants is not None:
            self.discriminants.fit(sets)

    def forward(self, embedding: Tensor, x: Tensor, weights: Tensor) -> Tensor:
        """Relative squared misfit, a scalar; 0 for a batch of one set.

        Parameters
        ----------
        embedding
            One per set, shape ``(S, E)``.
        x, weights
            Ground coordinates of cells ``(S, M, D)`` and their weights ``(S, M)``.
        """
        if len(x) == 1:
            return 0 * embedding.sum()
        shifts = range(1, min(self.n_shifts, len(x) - 1) + 1)
        latent = torch.stack([_distance(embedding, shift) for shift in shifts])
        distances = {"sliced": self._sliced, "sinkhorn": self._sinkhorn, "gaussian": self._gaussian}
        with torch.no_grad():
            target = distances[self.ground](x, weights, shifts)
        misfit = (latent * self.log_scale.exp() - target).square().mean()
        return misfit / target.square().mean().clamp_min(1e-8)

    def _sliced(self, x: Tensor, weights: Tensor, shifts: range) -> Tensor:
        quantiles = projected_quantiles(x, weights, random_directions(self.n_directions, x))
        squares = [sliced_wasserstein2(quantiles, quantiles.roll(shift, 0)) for shift in shifts]
        return (torch.stack(squares) * x.shape[-1]).sqrt()

    def _gaussian(self, x: Tensor, weights: Tensor, shifts: range) -> Tensor:
        x = zero_absent(x, weights)
        x = x if self.discriminants is None else self.discriminants.readout(x)
        return _gaussian_wasserstein(x, weights, shifts)

    def _sinkhorn(self, x: Tensor, weights: Tensor, shifts: range) -> Tensor:
        x, weights = _some_cells(x, weights, self.n_cells)
        # One strength for all pairs, so that the terms of a set with itself are computed once.
        strength = (_EPSILON * _spread(x, weights)).expand(len(x))
        own = entropic_transport(x, weights, x, weights, strength, n_rounds=_N_ROUNDS)
        squares = []
        for shift in shifts:
            y, weights_y = x.roll(shift, 0), weights.roll(shift, 0)
            between = entropic_transport(x, weights, y, weights_y, strength, n_rounds=_N_ROUNDS)
            squares.append(between - (own + own.roll(shift)) / 2)
        return torch.stack(squares).clamp_min(0).sqrt()


@full_precision
def _gaussian_wasserstein(x: Tensor, weights: Tensor, shifts: range) -> Tensor:
    """W2 between Gaussians with the moments of each set and of its partners, shape ``(n_shifts, S)``."""
    mean = weighted_mean(x, weights)
    deviations = (x - mean[:, None]) * weights.sqrt()[..., None]
    covariance = deviations.mT @ deviations
    values, vectors = torch.linalg.eigh(covariance)
    root, trace = (vectors * values.clamp_min(0).sqrt()[:, None]) @ vectors.mT, values.sum(-1)
    squares = []
    for shift in shifts:
        moved = (mean - mean.roll(shift, 0)).square().sum(-1)
        overlap = torch.linalg.eigvalsh(root @ covariance.roll(shift, 0) @ root).clamp_min(0).sqrt().sum(-1)
        squares.append(moved + trace + trace.roll(shift) - 2 * overlap)
    return torch.stack(squares).clamp_min(0).sqrt()


def _discriminants(n_coordinates: int | None) -> MeanCore | None:
    if n_coordinates is None:
        return None
    if n_coordinates > MAX_COORDINATES:
        msg = (
            f'`isometry_ground="gaussian"` is for at most {MAX_COORDINATES:,} coordinates of a cell, got '
            f'{n_coordinates:,}. Use "sliced", or model principal components.'
        )
        raise ValueError(msg)
    return MeanCore(n_coordinates, min(n_coordinates, _N_DISCRIMINANTS))


def _distance(embedding: Tensor, shift: int) -> Tensor:
    # The small constant keeps the gradient finite where a set meets itself.
    return ((embedding - embedding.roll(shift, 0)).square().sum(-1) + 1e-8).sqrt()


def _some_cells(x: Tensor, weights: Tensor, n_cells: int) -> tuple[Tensor, Tensor]:
    """Random cells of each set with their weights, those of weight 0 last."""
    order = torch.rand_like(weights).masked_fill(weights == 0, -1.0)
    chosen = order.topk(min(n_cells, x.shape[1]), dim=1).indices
    weights = weights.gather(1, chosen)
    return take_cells(x, chosen), weights / weights.sum(-1, keepdim=True)


def _spread(x: Tensor, weights: Tensor) -> Tensor:
    """Mean squared distance between two cells of the batch; 1 where it is 0."""
    share = weights[:, :, None] / len(x)
    center = (zero_absent(x, weights) * share).sum((0, 1))
    spread = 2 * ((zero_absent(x, weights) - center).square() * share).sum()
    return spread.masked_fill(spread == 0, 1.0)
