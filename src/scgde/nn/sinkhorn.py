"""Entropic optimal transport between weighted sets of cells, batched over pairs of sets."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

# So many for every set: no set's result depends on the others of its batch.
_N_ANNEALED = 10
_N_SCALED = 9


class Potentials(NamedTuple):
    """Dual potentials of the two sides, shapes ``(S, M)`` and ``(S, N)``, in units of the cost."""

    x: Tensor
    y: Tensor


@torch.no_grad()
def potentials(
    cost: Tensor, weights_x: Tensor, weights_y: Tensor, strength: Tensor, *, n_rounds: int = 5
) -> Potentials:
    """Solve ``min <plan, cost> + strength KL(plan | weights_x weights_y)`` for its potentials.

    With a, b the weights, C the cost and eps the strength, the plan is ``a b exp((f + g - C) / eps)``, and optimal
    potentials solve ``f = softmin_b(C - g)``, ``g = softmin_a(C - f)`` with
    ``softmin_b(h) = -eps log sum_j b_j exp(-h_j / eps)``.

    The strength falls from the largest cost to its value, one iteration in the log domain at each of a few levels.
    There both potentials are updated at once, and averaged with the old ones, which solves a set with its copy, and
    nearly its neighbours too, in a few iterations; alternating ones then settle the rest.

    Parameters
    ----------
    cost
        Shape ``(S, M, N)``, finite, also where a weight is 0.
    weights_x, weights_y
        Non-negative, each row sums to 1, shapes ``(S, M)`` and ``(S, N)``.
    strength
        Positive, in units of the cost, shape ``(S,)``.
    n_rounds
        Rounds of ten iterations at the last strength.

    References
    ----------
    :cite:t:`Feydy19`, section 3; :cite:t:`Peyre19`, section 4.4.
    """
    log_x, log_y = weights_x.log()[:, :, None], weights_y.log()[:, None, :]
    f, g = torch.zeros_like(weights_x), torch.zeros_like(weights_y)
    absent = (weights_x == 0)[:, :, None] | (weights_y == 0)[:, None, :]
    ratio = (cost.masked_fill(absent, 0).amax((1, 2)) / strength).clamp_min(1)
    for level in range(_N_ANNEALED, 0, -1):
        eps = strength * ratio ** ((level - 1) / _N_ANNEALED)
        f, g = _step(cost, log_x, log_y, eps, Potentials(f, g))
    for _ in range(n_rounds):
        f, g = _step(cost, log_x, log_y, strength, Potentials(f, g))
        f, g = _scale(cost, weights_x, weights_y, strength, Potentials(f, g))
    # One whole step makes the rows of the plan sum to `weights_x`, and the dual the value.
    return Potentials(_soft_min(cost - g[:, None, :], log_y, strength, dim=2), g)


def partners(cost: Tensor, weights_y: Tensor, strength: Tensor, solved: Potentials) -> Tensor:
    """Where the plan takes each cell of ``x``: rows sum to 1, also those of weight 0, shape ``(S, M, N)``."""
    return weights_y[:, None, :] * _gain(cost, strength, solved).exp()


def _step(cost: Tensor, log_x: Tensor, log_y: Tensor, strength: Tensor, old: Potentials) -> Potentials:
    # The averaged iteration, which is symmetric in the two sides.
    f = _soft_min(cost - old.y[:, None, :], log_y, strength, dim=2)
    g = _soft_min(cost - old.x[:, :, None], log_x, strength, dim=1)
    return Potentials((f + old.x) / 2, (g + old.y) / 2)


def _scale(cost: Tensor, weights_x: Tensor, weights_y: Tensor, strength: Tensor, old: Potentials) -> Potentials:
    # Alternating scaling u = 1 / K (b v), v = 1 / K' (a u) of the kernel K = exp((f + g - C) / eps), which absorbs the
    # potentials so far (Peyre and Cuturi, section 4.4): no exponentials within the loop. Bounded against overflow.
    kernel = _gain(cost, strength, old).clamp_max(30).exp()
    v = torch.ones_like(weights_y)
    for _ in range(_N_SCALED):
        u = _inverse((kernel @ (weights_y * v)[:, :, None])[:, :, 0])
        v = _inverse(((weights_x * u)[:, None, :] @ kernel)[:, 0])
    return Potentials(old.x + strength[:, None] * u.log(), old.y + strength[:, None] * v.log())


def _gain(cost: Tensor, strength: Tensor, solved: Potentials) -> Tensor:
    return (solved.x[:, :, None] + solved.y[:, None, :] - cost) / strength[:, None, None]


def _inverse(mass: Tensor) -> Tensor:
    return mass.clamp_min(1e-15).reciprocal()


def _soft_min(values: Tensor, log_weights: Tensor, strength: Tensor, *, dim: int) -> Tensor:
    eps = strength[:, None]
    return -eps * torch.logsumexp(log_weights - values / eps[:, None], dim=dim)
