from __future__ import annotations

import numpy as np
import ot
import pytest
import torch

from scgde.nn.divergences import projected_quantiles, random_directions, sliced_wasserstein2

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
