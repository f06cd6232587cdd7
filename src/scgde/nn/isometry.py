from __future__ import annotations

import torch
from torch import Tensor, nn

from scgde.nn.divergences import projected_quantiles, random_directions, sliced_wasserstein2


class Isometry(nn.Module):
    """Misfit between latent L2 and sliced W2 over pairs of sets in a batch, up to one learnt scale.

    Parameters
    ----------
    n_directions
        Directions that sliced W2 is averaged over, drawn anew each time.
    n_shifts
        Partners of each set.
    """

    def __init__(self, *, n_directions: int = 32, n_shifts: int = 4) -> None:
        super().__init__()
        self.n_directions, self.n_shifts = n_directions, n_shifts
        self.log_scale = nn.Parameter(torch.zeros(()))

    def forward(self, embedding: Tensor, x: Tensor, weights: Tensor) -> Tensor:
        """Relative squared misfit, a scalar; 0 for a batch of one set.

        Parameters
        ----------
        embedding
            One per set, shape ``(S, E)``.
        x, weights
            Cells ``(S, M, G)`` and their weights ``(S, M)``.
        """
        if len(x) == 1:
            return 0 * embedding.sum()
        quantiles = projected_quantiles(x, weights, random_directions(self.n_directions, x))
        shifts = range(1, min(self.n_shifts, len(x) - 1) + 1)
        pairs = [(_distance(embedding, s), _sliced(quantiles, s) * x.shape[-1] ** 0.5) for s in shifts]
        latent, target = (torch.cat(part) for part in zip(*pairs, strict=True))
        misfit = (latent * self.log_scale.exp() - target).square().mean()
        return misfit / target.square().mean().clamp_min(1e-8)


def _distance(embedding: Tensor, shift: int) -> Tensor:
    # The small constant keeps the gradient finite where a set meets itself.
    return ((embedding - embedding.roll(shift, 0)).square().sum(-1) + 1e-8).sqrt()


def _sliced(quantiles: Tensor, shift: int) -> Tensor:
    return sliced_wasserstein2(quantiles, quantiles.roll(shift, 0)).sqrt()
