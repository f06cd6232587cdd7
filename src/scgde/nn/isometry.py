from __future__ import annotations

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

GROUNDS = ("sliced", "sinkhorn")
# Of the mean squared distance between cells of different sets. The weaker, the nearer to W2, and the more cells it
# needs.
_EPSILON = 0.05
_N_ROUNDS = 2


class Isometry(nn.Module):
    """Misfit between latent L2 and W2 over pairs of sets in a batch, up to one learnt scale.

    Parameters
    ----------
    ground
        ``"sliced"`` for sliced W2, or ``"sinkhorn"`` for the root of the Sinkhorn divergence, as in Wasserstein
        Wormhole: nearer to W2 in many dimensions, and several times as long.
    n_directions
        Directions that sliced W2 is averaged over, drawn anew each time.
    n_shifts
        Partners of each set.
    n_cells
        Cells of each set, at most, that the Sinkhorn divergence sees.

    Raises
    ------
    ValueError
        If ``ground`` is neither of these, or a count is below 1.

    References
    ----------
    :cite:t:`Haviv24`, eq. 5, for the regression; :cite:t:`Bonneel15`; :cite:t:`Feydy19`.
    """

    def __init__(self, *, ground: str = "sliced", n_directions: int = 32, n_shifts: int = 4, n_cells: int = 50) -> None:
        super().__init__()
        self.ground = check_one_of(ground, "ground", GROUNDS)
        self.n_directions = check_count(n_directions, "n_directions")
        self.n_shifts = check_count(n_shifts, "n_shifts")
        self.n_cells = check_count(n_cells, "n_cells")
        self.log_scale = nn.Parameter(torch.zeros(()))

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
        with torch.no_grad():
            target = (self._sliced if self.ground == "sliced" else self._sinkhorn)(x, weights, shifts)
        misfit = (latent * self.log_scale.exp() - target).square().mean()
        return misfit / target.square().mean().clamp_min(1e-8)

    def _sliced(self, x: Tensor, weights: Tensor, shifts: range) -> Tensor:
        quantiles = projected_quantiles(x, weights, random_directions(self.n_directions, x))
        squares = [sliced_wasserstein2(quantiles, quantiles.roll(shift, 0)) for shift in shifts]
        return (torch.stack(squares) * x.shape[-1]).sqrt()

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
