"""Pairing of the cells of two sets by optimal transport."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from scgde._checks import check_one_of, check_positive
from scgde.nn.divergences import squared_distances, uniform_weights, zero_absent
from scgde.nn.sinkhorn import partners, potentials

METHODS = ("exact", "sinkhorn")


@torch.no_grad()
def pair(
    x: Tensor,
    y: Tensor,
    *,
    weights_x: Tensor | None = None,
    weights_y: Tensor | None = None,
    method: str = "exact",
    epsilon: float = 0.05,
    rng: torch.Generator | None = None,
) -> Tensor:
    """Partner in ``y`` of each cell of ``x``, under optimal transport with the squared Euclidean cost, set by set.

    Equal weights and as many cells on both sides make the exact partners a permutation. Otherwise the plan splits
    cells, and each partner is drawn from its row of the plan, so that the partners are distributed as ``y`` on average.

    Parameters
    ----------
    x, y
        Cells, shapes ``(S, M, D)`` and ``(S, N, D)``: vectors, or ground coordinates of cells of another shape.
    weights_x, weights_y
        Non-negative, each row sums to 1, shapes ``(S, M)`` and ``(S, N)``; equal if absent. A cell of weight 0 in
        ``y`` is nobody's partner, one in ``x`` has any partner.
    method
        ``"exact"`` solves set by set on the CPU, ``"sinkhorn"`` all at once on the device of the cells.
    epsilon
        Strength of the entropy for ``"sinkhorn"``, relative to the mean squared distance between ``x`` and ``y``.
    rng
        Random state of the draws, on the CPU; torch's global one if absent.

    Returns
    -------
    Indices into the cells of ``y``, shape ``(S, M)``: ``y[torch.arange(S)[:, None], index]`` are the partners.

    Raises
    ------
    ValueError
        If ``method`` is none of these, or ``epsilon`` is not positive.

    References
    ----------
    :cite:t:`Tong24`, section 3.2.
    """
    check_one_of(method, "method", METHODS)
    check_positive(epsilon, "epsilon")
    a = uniform_weights(x) if weights_x is None else weights_x.to(x.dtype)
    b = uniform_weights(y) if weights_y is None else weights_y.to(y.dtype)
    cost = squared_distances(zero_absent(x, a), zero_absent(y, b))
    rows = _exact(cost, a, b) if method == "exact" else _entropic(cost, a, b, epsilon)
    # Drawn on the CPU: one seed gives the same partners on every device.
    drawn = torch.multinomial(rows.flatten(0, 1).cpu(), 1, generator=rng)
    return drawn.view(x.shape[:2]).to(x.device)


def _entropic(cost: Tensor, a: Tensor, b: Tensor, epsilon: float) -> Tensor:
    strength = epsilon * (a[:, :, None] * b[:, None, :] * cost).sum((1, 2))
    strength = strength.masked_fill(strength == 0, 1.0)
    return partners(cost, b, strength, potentials(cost, a, b, strength))


def _exact(cost: Tensor, a: Tensor, b: Tensor) -> Tensor:
    # A row without mass in the plan takes the weights of `y`.
    rows = b[:, None, :].expand_as(cost).cpu().double().numpy().copy()
    sets = (part.cpu().double().numpy() for part in (cost, a, b))
    for row, one_cost, one_a, one_b in zip(rows, *sets, strict=True):
        i, j = one_a.nonzero()[0], one_b.nonzero()[0]
        row[np.ix_(i, j)] = _plan(one_cost[np.ix_(i, j)], one_a[i], one_b[j])
    return torch.from_numpy(rows)


def _plan(cost: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Exact plan between positive weights, shape ``(M, N)``."""
    if len(a) == len(b) and _is_even(a) and _is_even(b):
        from scipy import optimize  # takes as long to import as all of scgde

        plan = np.zeros_like(cost)
        plan[optimize.linear_sum_assignment(cost)] = 1.0
        return plan
    import ot  # takes seconds to import

    return ot.emd(a / a.sum(), b / b.sum(), np.ascontiguousarray(cost))


def _is_even(weights: np.ndarray) -> bool:
    # `numpy.allclose` takes as long as the assignment itself.
    return bool(np.ptp(weights) <= 1e-5 * weights[0])
