from __future__ import annotations

from functools import partial

import numpy as np
import ot
import pytest
import torch

from scgde import metrics
from scgde.nn.divergences import (
    energy_distance,
    entropic_transport,
    median_distance,
    mmd,
    projected_quantiles,
    random_directions,
    root_mean_squared_distance,
    sinkhorn_divergence,
    sliced_wasserstein2,
)

N_QUANTILES = 64


def weighted_set(size, *, seed, n_features=3, shift=0.0):
    """Cells with weights that are multiples of 1 / 64: then 64 quantiles hold the whole measure."""
    rng = np.random.default_rng(seed)
    cells = torch.from_numpy(rng.normal(shift, 1, size=(1, size, n_features)))
    return cells, torch.from_numpy(rng.multinomial(N_QUANTILES, np.full(size, 1 / size))[None] / N_QUANTILES)


def distance(a, b, directions):
    quantiles = [projected_quantiles(*part, directions, n_quantiles=N_QUANTILES) for part in (a, b)]
    return sliced_wasserstein2(*quantiles)


def test_sliced_wasserstein2_agrees_with_pot():
    a, b = weighted_set(20, seed=0), weighted_set(33, seed=1, shift=0.7)
    directions = random_directions(40, a[0])
    expected = ot.sliced_wasserstein_distance(
        a[0][0].numpy(), b[0][0].numpy(), a[1][0].numpy(), b[1][0].numpy(), projections=directions.numpy()
    )
    assert distance(a, b, directions).item() == pytest.approx(expected**2)


def test_sliced_wasserstein2_on_a_line_agrees_with_pot():
    a, b = weighted_set(20, seed=0, n_features=1), weighted_set(33, seed=1, n_features=1)
    cells, weights = ([part[i][0].flatten().numpy() for part in (a, b)] for i in (0, 1))
    expected = ot.wasserstein_1d(*cells, *weights, p=2)
    assert distance(a, b, torch.ones(1, 1).double()).item() == pytest.approx(expected)


def test_sliced_wasserstein2_of_a_shift_is_its_squared_length_over_the_features():
    cells, weights = weighted_set(20, seed=0)
    shift = torch.tensor([1.0, -2.0, 0.5])
    directions = torch.eye(3).double()
    value = distance((cells, weights), (cells + shift, weights), directions)
    torch.testing.assert_close(value, shift.square().sum().double()[None] / 3)


def test_sliced_wasserstein2_of_a_shift_holds_on_average_over_random_directions():
    cells, weights = weighted_set(1, seed=0)
    value = distance((cells, weights), (cells + 2, weights), random_directions(20_000, cells))
    assert value.item() == pytest.approx(4, rel=0.03)


def test_quantiles_take_a_weight_for_duplicates():
    cells, weights = weighted_set(20, seed=0)
    counts = (weights[0] * N_QUANTILES).long()
    copies = cells.repeat_interleave(counts, dim=1)
    directions = random_directions(10, cells)
    expected = projected_quantiles(copies, torch.full(copies.shape[:2], 1 / 64).double(), directions)
    torch.testing.assert_close(projected_quantiles(cells, weights, directions), expected)


@pytest.mark.parametrize("filler", [1e12, -1e12])
def test_quantiles_ignore_padding(filler):
    cells, weights = weighted_set(20, seed=0)
    padded = torch.cat([torch.full((1, 5, 3), filler).double(), cells], dim=1)
    zeros = torch.zeros(1, 5).double()
    directions = random_directions(10, cells)
    expected = projected_quantiles(cells, weights, directions)
    torch.testing.assert_close(projected_quantiles(padded, torch.cat([zeros, weights], dim=1), directions), expected)


def test_quantiles_of_one_cell_are_that_cell():
    quantiles = projected_quantiles(torch.tensor([[[3.0]]]), torch.ones(1, 1), torch.ones(1, 1), n_quantiles=5)
    torch.testing.assert_close(quantiles, torch.full((1, 1, 5), 3.0))


def test_quantiles_of_a_batch_match_one_set_at_a_time():
    sets = [weighted_set(20, seed=seed) for seed in range(3)]
    directions = random_directions(10, sets[0][0])
    batch = projected_quantiles(*(torch.cat(part) for part in zip(*sets, strict=True)), directions)
    torch.testing.assert_close(batch, torch.cat([projected_quantiles(*one, directions) for one in sets]))


def test_sliced_wasserstein2_moves_cells_towards_the_other_set():
    (a, weights), b = weighted_set(20, seed=0), weighted_set(20, seed=1, shift=3.0)
    a.requires_grad_()
    distance((a, weights), b, random_directions(50, a)).sum().backward()
    assert (a.grad[weights > 0].mean(0) < 0).all()
    assert not a.grad[weights == 0].any()


def test_random_directions_are_unit_vectors_that_depend_on_the_rng_only():
    first, again, other = (
        random_directions(9, torch.zeros(1, 1, 4), rng=torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    torch.testing.assert_close(first.norm(dim=0), torch.ones(9))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def some_sets(*sizes, seed=0, n_features=3, shift=0.0):
    """Batch of as many sets as ``sizes``, padded with cells far away, and their weights, in double precision."""
    rng = np.random.default_rng(seed)
    x = torch.full((len(sizes), max(sizes), n_features), 1e6, dtype=torch.float64)
    weights = torch.zeros(x.shape[:2], dtype=torch.float64)
    for i, size in enumerate(sizes):
        x[i, :size] = torch.from_numpy(rng.normal(shift, 1, size=(size, n_features)))
        weights[i, :size] = torch.from_numpy(rng.dirichlet(np.ones(size)))
    return x, weights


def present(sets, i):
    """Cells of weight above 0 of one set, and their weights, as arrays."""
    x, weights = (part[i] for part in sets)
    return x[weights > 0].numpy(), weights[weights > 0].numpy()


def by_metric(metric, a, b, **options):
    """A function of ``scgde.metrics`` on each pair of sets."""
    values = []
    for i in range(len(a[0])):
        (x, weights_x), (y, weights_y) = present(a, i), present(b, i)
        values.append(metric(x, y, x_weights=weights_x, y_weights=weights_y, **options))
    return torch.tensor(values, dtype=torch.float64)


def sliced(x, weights_x, y, weights_y):
    directions = random_directions(20, x, rng=torch.Generator().manual_seed(0))
    return distance((x, weights_x), (y, weights_y), directions)


SCALE = torch.tensor([1.3]).double()
#: Each divergence, and the power of a length that it is.
DIVERGENCES = {
    "energy": (energy_distance, 1),
    "mmd": (mmd, 0),
    "sinkhorn": (sinkhorn_divergence, 2),
    "sliced": (sliced, 2),
}


@pytest.fixture(params=DIVERGENCES)
def divergence(request):
    return DIVERGENCES[request.param][0]


@pytest.mark.parametrize("unbiased", [False, True])
def test_energy_distance_agrees_with_the_metric(unbiased):
    a, b = some_sets(20, 7, seed=0), some_sets(33, 12, seed=1, shift=0.5)
    expected = by_metric(metrics.energy_distance, a, b, unbiased=unbiased)
    torch.testing.assert_close(energy_distance(*a, *b, unbiased=unbiased), expected)


@pytest.mark.parametrize("unbiased", [False, True])
def test_mmd_agrees_with_the_metric(unbiased):
    a, b = some_sets(20, seed=0), some_sets(33, seed=1, shift=0.5)
    expected = by_metric(metrics.mmd, a, b, bandwidth=[0.65, 2.6], unbiased=unbiased)
    torch.testing.assert_close(mmd(*a, *b, scale=SCALE, multiples=(0.5, 2.0), unbiased=unbiased), expected)


def test_sinkhorn_divergence_agrees_with_the_metric():
    a, b = some_sets(20, 7, seed=0), some_sets(33, 12, seed=1, shift=0.5)
    expected = by_metric(metrics.sinkhorn_divergence, a, b)
    torch.testing.assert_close(sinkhorn_divergence(*a, *b, n_rounds=50), expected, rtol=1e-4, atol=0)
    torch.testing.assert_close(sinkhorn_divergence(*a, *b), expected, rtol=0.01, atol=0)


def test_entropic_transport_agrees_with_pot():
    a, b = some_sets(20, seed=0), some_sets(33, seed=1, shift=0.5)
    (x, weights_x), (y, weights_y) = present(a, 0), present(b, 0)
    cost = ot.dist(x, y)
    plan = ot.sinkhorn(weights_x, weights_y, cost, reg=0.5, stopThr=1e-12)
    expected = (plan * cost).sum() + 0.5 * (plan * np.log(plan / np.outer(weights_x, weights_y))).sum()
    value = entropic_transport(*a, *b, torch.tensor([0.5]).double(), n_rounds=50)
    assert value.item() == pytest.approx(expected, rel=1e-6)


def test_sinkhorn_divergence_tends_to_squared_w2():
    a, b = some_sets(20, seed=0), some_sets(33, seed=1, shift=0.5)
    (x, weights_x), (y, weights_y) = present(a, 0), present(b, 0)
    value = sinkhorn_divergence(*a, *b, epsilon=3e-3, n_rounds=50)
    assert value.item() == pytest.approx(ot.emd2(weights_x, weights_y, ot.dist(x, y)), rel=0.01)


def test_sinkhorn_divergence_tends_to_the_squared_difference_of_means():
    a, b = some_sets(20, seed=0), some_sets(33, seed=1, shift=0.5)
    means = [weights @ x for x, weights in (present(a, 0), present(b, 0))]
    value = sinkhorn_divergence(*a, *b, epsilon=1e5)
    assert value.item() == pytest.approx(((means[0] - means[1]) ** 2).sum(), rel=1e-3)


@pytest.mark.parametrize("epsilon", [0.01, 0.3])
def test_sinkhorn_divergence_of_a_shift_is_its_squared_length(epsilon):
    (x, weights), shift = some_sets(20, seed=0), torch.tensor([1.0, -2.0, 0.5])
    value = sinkhorn_divergence(x, weights, x + shift, weights, epsilon=epsilon, n_rounds=50)
    assert value.item() == pytest.approx(shift.square().sum().item(), rel=1e-3)


def test_energy_distance_of_two_cells_is_twice_their_distance():
    x, y = torch.tensor([[[0.0, 0.0]]]), torch.tensor([[[3.0, 4.0]]])
    assert energy_distance(x, torch.ones(1, 1), y, torch.ones(1, 1)).item() == pytest.approx(10)


def test_unbiased_divergences_are_zero_on_average_between_draws_of_one_population():
    x, y = torch.randn(4000, 6, 2), torch.randn(4000, 6, 2)
    weights = torch.full((4000, 6), 1 / 6)
    for function in (energy_distance, partial(mmd, scale=torch.ones(4000))):
        values = function(x, weights, y, weights, unbiased=True)
        assert values.mean().abs() < 4 * values.std() / 4000**0.5
        assert function(x, weights, y, weights).mean() > 10 * values.std() / 4000**0.5


@pytest.mark.parametrize("name", DIVERGENCES)
def test_divergence_scales_as_its_power_of_a_length(name):
    function, power = DIVERGENCES[name]
    (x, weights_x), (y, weights_y) = some_sets(20, seed=0), some_sets(15, seed=1, shift=0.5)
    value, larger = (function(k * x, weights_x, k * y, weights_y) for k in (1.0, 3.0))
    torch.testing.assert_close(larger, value * 3**power)


def test_divergence_is_zero_between_identical_sets_and_positive_between_others(divergence):
    a, b = some_sets(20, 1, seed=0), some_sets(20, 1, seed=1)
    torch.testing.assert_close(divergence(*a, *a), torch.zeros(2).double(), rtol=0, atol=1e-9)
    assert (divergence(*a, *b) > 0.01).all()


def test_divergence_is_symmetric(divergence):
    a, b = some_sets(20, seed=0), some_sets(33, seed=1, shift=0.5)
    torch.testing.assert_close(divergence(*a, *b), divergence(*b, *a), rtol=1e-2, atol=0)


def test_divergence_ignores_padding(divergence):
    a, b = some_sets(20, 7, seed=0), some_sets(33, 12, seed=1, shift=0.5)
    alone = [divergence(*(part[1:, :size] for part, size in zip((*a, *b), (7, 7, 12, 12), strict=True)))]
    torch.testing.assert_close(divergence(*a, *b)[1:], torch.cat(alone))


def test_divergence_takes_a_weight_for_duplicates(divergence):
    (x, _), b = some_sets(8, seed=0), some_sets(12, seed=1, shift=0.5)
    counts = torch.tensor([1, 3, 2, 2, 1, 4, 1, 2])  # sums to 16
    copies = x.repeat_interleave(counts, dim=1)
    expected = divergence(copies, torch.full((1, 16), 1 / 16).double(), *b)
    torch.testing.assert_close(divergence(x, counts[None].double() / 16, *b), expected)


@pytest.mark.parametrize("sizes", [(1, 1), (1, 9), (9, 1), (9, 9)])
@pytest.mark.parametrize("same", [False, True])
def test_gradient_is_finite(divergence, sizes, same):
    x, y = (torch.ones(2, size, 2) if same else torch.randn(2, size, 2) for size in sizes)
    x.requires_grad_()
    divergence(x, torch.full(x.shape[:2], 1 / sizes[0]), y, torch.full(y.shape[:2], 1 / sizes[1])).sum().backward()
    assert x.grad.isfinite().all()


def test_gradient_is_finite_between_a_set_and_its_copy(divergence):
    x, weights = some_sets(9, seed=0)
    divergence(x.requires_grad_(), weights, x.detach().clone(), weights).sum().backward()
    torch.testing.assert_close(x.grad, torch.zeros_like(x), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "function",
    [
        energy_distance,
        partial(energy_distance, unbiased=True),
        partial(mmd, scale=SCALE),
        partial(sinkhorn_divergence, scale=SCALE, n_rounds=10),
    ],
)
def test_gradient_agrees_with_finite_differences(function):
    (x, weights_x), (y, weights_y) = some_sets(5, seed=0, n_features=2), some_sets(6, seed=1, n_features=2)
    x.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: function(x, weights_x, y, weights_y), x, atol=1e-5)


def test_sinkhorn_divergence_in_the_weights_agrees_with_finite_differences():
    (x, weights), b = some_sets(5, seed=0), some_sets(6, seed=1)
    towards = torch.tensor([[0.01, -0.02, 0.005, 0.0, 0.005]]).double()  # keeps the sum
    value = partial(sinkhorn_divergence, scale=SCALE, n_rounds=10)
    step = value(x, weights + towards, *b) - value(x, weights - towards, *b)
    value(x, weights.requires_grad_(), *b).sum().backward()
    torch.testing.assert_close(2 * (weights.grad * towards).sum(-1), step.detach(), rtol=1e-2, atol=0)


@pytest.mark.parametrize("function", [median_distance, root_mean_squared_distance])
def test_lengths_are_one_where_all_cells_agree(function):
    x, weights = torch.ones(1, 4, 2), torch.full((1, 4), 0.25)
    assert function(x, weights, x, weights).item() == 1


def test_median_distance_takes_weights():
    x, weights = torch.tensor([[[0.0]]]), torch.ones(1, 1)
    y = torch.tensor([[[1.0], [2.0], [5.0], [1e6]]])
    assert median_distance(x, weights, y, torch.tensor([[0.6, 0.3, 0.1, 0.0]])).item() == 1
    assert median_distance(x, weights, y, torch.tensor([[0.2, 0.2, 0.6, 0.0]])).item() == 5
