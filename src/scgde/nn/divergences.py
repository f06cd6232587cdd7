"""Distances between weighted sets of cells, differentiable and batched over sets.

Each takes cells ``x (S, M, G)``, their weights ``(S, M)``, cells ``y (S, N, G)`` and theirs ``(S, N)``, and gives one
number per set, shape ``(S,)``. Cells of another shape are given by their ground coordinates, see
:class:`~scgde.nn.transforms.CellTransform`. Weights are non-negative and each row sums to 1; a cell of weight 0 has no
influence, whatever its values. Gradients are finite for identical sets and for single cells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from scgde.nn.cells import like_cells
from scgde.nn.sinkhorn import partners, potentials
from scgde.nn.weighted_median import weighted_median

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def energy_distance(x: Tensor, weights_x: Tensor, y: Tensor, weights_y: Tensor, *, unbiased: bool = False) -> Tensor:
    """Energy distance ``2 E|x - y| - E|x - x'| - E|y - y'|``, shape ``(S,)``.

    In the units of the cells, neither halved nor rooted.

    Parameters
    ----------
    x, weights_x, y, weights_y
        The two sets of each pair.
    unbiased
        Leave out the pairs of a cell with itself (U-statistic), which can be negative. A set of one cell has no other
        pairs and counts 0. Otherwise all pairs count (V-statistic): never negative.

    References
    ----------
    :cite:t:`Szekely13`.
    """
    return _contrast(lambda distance: distance, x, weights_x, y, weights_y, unbiased=unbiased)


def mmd(
    x: Tensor,
    weights_x: Tensor,
    y: Tensor,
    weights_y: Tensor,
    *,
    scale: Tensor | None = None,
    multiples: Sequence[float] = (0.25, 0.5, 1.0, 2.0, 4.0),
    unbiased: bool = False,
) -> Tensor:
    """Squared maximum mean discrepancy ``E k(x, x') + E k(y, y') - 2 E k(x, y)``, shape ``(S,)``.

    The kernel is the mean of ``exp(-|x - y|^2 / (2 bandwidth^2))`` over bandwidths: without units, between 0 and 2
    (V-statistic).

    Parameters
    ----------
    x, weights_x, y, weights_y
        The two sets of each pair.
    scale
        The middle bandwidth of each pair, shape ``(S,)``; ``median_distance`` if absent. No gradient passes to it.
    multiples
        Bandwidths, relative to ``scale``.
    unbiased
        Leave out the pairs of a cell with itself (U-statistic), which can be negative. A set of one cell has no other
        pairs and counts 0.

    References
    ----------
    :cite:t:`Gretton12`.
    """
    scale = median_distance(x, weights_x, y, weights_y) if scale is None else scale.detach()

    def kernel(distance: Tensor) -> Tensor:
        squared = (distance / scale[:, None, None]).square()
        return torch.stack([(squared / (-2 * multiple**2)).exp() for multiple in multiples]).mean(0)

    return -_contrast(kernel, x, weights_x, y, weights_y, unbiased=unbiased)


def sinkhorn_divergence(
    x: Tensor,
    weights_x: Tensor,
    y: Tensor,
    weights_y: Tensor,
    *,
    scale: Tensor | None = None,
    epsilon: float = 0.05,
    n_rounds: int = 5,
) -> Tensor:
    """Debiased Sinkhorn divergence ``OT(x, y) - OT(x, x) / 2 - OT(y, y) / 2``, shape ``(S,)``.

    ``OT`` is :func:`entropic_transport`, entropy included. In squared units of the cells, neither halved nor rooted:
    the squared W2 as ``epsilon`` tends to 0, the squared difference of the means as it grows.

    Parameters
    ----------
    x, weights_x, y, weights_y
        The two sets of each pair.
    scale
        A length of each pair, shape ``(S,)``; ``root_mean_squared_distance`` if absent. No gradient passes to it.
    epsilon
        Strength of the entropy, relative to the square of ``scale``.
    n_rounds
        Rounds of ten iterations after the annealing.

    References
    ----------
    :cite:t:`Feydy19`, eq. 3.
    """
    if scale is None:
        scale = root_mean_squared_distance(x, weights_x, y, weights_y)
    strength = epsilon * scale.detach().square()
    between = entropic_transport(x, weights_x, y, weights_y, strength, n_rounds=n_rounds)
    own_x = entropic_transport(x, weights_x, x, weights_x, strength, n_rounds=n_rounds)
    own_y = entropic_transport(y, weights_y, y, weights_y, strength, n_rounds=n_rounds)
    return between - (own_x + own_y) / 2


def entropic_transport(
    x: Tensor, weights_x: Tensor, y: Tensor, weights_y: Tensor, strength: Tensor, *, n_rounds: int = 5
) -> Tensor:
    """Entropic transport ``min E|x - y|^2 + strength KL(plan | product)``, ``(S,)``, in squared units of the cells.

    The value is that of the dual, and the gradient that of the envelope theorem: the optimal plan is held fixed.

    Parameters
    ----------
    x, weights_x, y, weights_y
        The two sets of each pair.
    strength
        Of the entropy, positive, in squared units of the cells, shape ``(S,)``.
    n_rounds
        Rounds of ten iterations after the annealing.
    """
    cost = squared_distances(zero_absent(x, weights_x), zero_absent(y, weights_y))
    fixed = cost.detach()
    solved = potentials(fixed, weights_x.detach(), weights_y.detach(), strength, n_rounds=n_rounds)
    plan = weights_x.detach()[:, :, None] * partners(fixed, weights_y.detach(), strength, solved)
    dual = (weights_x * solved.x).sum(-1) + (weights_y * solved.y).sum(-1)
    return dual + (plan * (cost - fixed)).sum((1, 2))


def random_directions(n_directions: int, like: Tensor, *, rng: torch.Generator | None = None) -> Tensor:
    """Uniform unit vectors, shape ``(G, n_directions)``, for cells shaped as ``like``, ``(S, M, G)``."""
    # A given random state is on the CPU; without one nothing is copied from there.
    device = like.device if rng is None else None
    normal = torch.randn(like.shape[-1], n_directions, generator=rng, dtype=like.dtype, device=device).to(like.device)
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
    """Squared sliced W2, from ``projected_quantiles``.

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


def median_distance(x: Tensor, weights_x: Tensor, y: Tensor, weights_y: Tensor) -> Tensor:
    """Weighted median of ``|x - y|``, shape ``(S,)``, without gradient; 1 where it is 0."""
    values = distances(zero_absent(x, weights_x), zero_absent(y, weights_y)).detach()
    mass = weights_x[:, :, None] * weights_y[:, None, :]
    return _positive(weighted_median(values.flatten(1)[:, :, None], mass.flatten(1))[:, 0])


def root_mean_squared_distance(x: Tensor, weights_x: Tensor, y: Tensor, weights_y: Tensor) -> Tensor:
    """Root of ``E|x - y|^2``, shape ``(S,)``, without gradient; 1 where it is 0."""
    values = squared_distances(zero_absent(x, weights_x), zero_absent(y, weights_y)).detach()
    return _positive(_mean(values, weights_x, weights_y).sqrt())


def uniform_weights(x: Tensor) -> Tensor:
    """Equal weights of cells ``(S, M, G)``, shape ``(S, M)``."""
    return x.new_full(x.shape[:2], 1 / x.shape[1])


def zero_absent(x: Tensor, weights: Tensor) -> Tensor:
    """Cells with zeros in place of those of weight 0, whose values may be anything."""
    return x.masked_fill(like_cells(weights == 0, x), 0.0)


def distances(x: Tensor, y: Tensor) -> Tensor:
    """Euclidean, between the cells of ``(S, M, G)`` and ``(S, N, G)``: ``(S, M, N)``; the gradient at 0 is 0."""
    # Without the expansion |x|^2 + |y|^2 - 2 xy, whose rounding turns equal cells into neighbours.
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """Squared Euclidean, as :func:`distances`."""
    return distances(x, y).square()


def _contrast(
    kernel: Callable[[Tensor], Tensor],
    x: Tensor,
    weights_x: Tensor,
    y: Tensor,
    weights_y: Tensor,
    *,
    unbiased: bool,
) -> Tensor:
    x, y = zero_absent(x, weights_x), zero_absent(y, weights_y)
    between = _mean(kernel(distances(x, y)), weights_x, weights_y)
    own_x = _mean_within(kernel(distances(x, x)), weights_x, unbiased=unbiased)
    own_y = _mean_within(kernel(distances(y, y)), weights_y, unbiased=unbiased)
    return 2 * between - own_x - own_y


def _mean(values: Tensor, weights_x: Tensor, weights_y: Tensor) -> Tensor:
    return (weights_x[:, :, None] * weights_y[:, None, :] * values).sum((1, 2))


def _mean_within(values: Tensor, weights: Tensor, *, unbiased: bool) -> Tensor:
    mean = _mean(values, weights, weights)
    if not unbiased:
        return mean
    own = weights.square()
    rest = mean - (own * values.diagonal(dim1=1, dim2=2)).sum(-1)
    return rest / (1 - own.sum(-1)).clamp_min(torch.finfo(values.dtype).eps)


def _positive(scale: Tensor) -> Tensor:
    return scale.masked_fill(scale == 0, 1.0)
