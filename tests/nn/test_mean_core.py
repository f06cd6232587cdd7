from __future__ import annotations

import pytest
import torch

from scgde.nn.cells import CellSpec
from scgde.nn.influence import influence
from scgde.nn.mean_core import MeanCore, n_ground, n_mean_core
from scgde.nn.transforms import Affine, KmerCounts


@pytest.fixture
def sets():
    """Forty sets of five coordinates: means differ along the first two, of which the second is wide within sets."""
    means = torch.zeros(40, 5)
    means[:, 0], means[:, 1] = torch.randn(40), torch.randn(40)
    x = means[:, None] + torch.tensor([0.1, 5.0, 1.0, 1.0, 1.0]) * torch.randn(40, 200, 5)
    return means, x, torch.full((40, 200), 1 / 200)


@pytest.fixture
def core(sets):
    found = MeanCore(5, 3)
    found.fit([(sets[1][:15], sets[2][:15]), (sets[1][15:], sets[2][15:])])
    return found


def test_first_direction_is_that_in_which_sets_differ_most_beside_their_cells(sets, core):
    means, x, weights = sets
    coordinates = core(x, weights)
    assert coordinates.shape == (40, 3)
    assert abs(torch.corrcoef(torch.stack([coordinates[:, 0], means[:, 0]]))[0, 1]) > 0.99
    assert coordinates[:, 0].var(unbiased=False) == pytest.approx(1, rel=1e-4)


def test_directions_without_signal_are_damped(sets, core):
    coordinates = core(*sets[1:])
    assert (coordinates[:, 2].std() / coordinates[:, 0].std()) < 0.05
    assert coordinates[:, 2].std() > 0


def test_core_depends_on_the_weighted_mean_only(sets, core):
    _, x, weights = sets
    doubled = torch.cat([x, x], dim=1), torch.cat([weights, weights], dim=1) / 2
    torch.testing.assert_close(core(*doubled), core(x, weights), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(core.readout(core.lift(x).mean(1)), core(x, weights), rtol=1e-4, atol=1e-5)


def test_batches_of_sets_make_no_difference(sets, core):
    at_once = MeanCore(5, 3)
    at_once.fit([sets[1:]])
    torch.testing.assert_close(at_once.state_dict(), core.state_dict(), rtol=1e-4, atol=1e-5)


def test_influence_is_the_derivative_in_the_weights(sets, core):
    _, x, weights = sets
    expected = influence(lambda x, weights: core(x, weights), x[:3], weights[:3])
    torch.testing.assert_close(core.influence(x[:3], weights[:3]), expected, rtol=1e-4, atol=1e-5)


def test_equal_sets_have_finite_coordinates():
    core = MeanCore(4, 2)
    core.fit([(torch.ones(3, 6, 4), torch.full((3, 6), 1 / 6))])
    assert core(torch.randn(2, 6, 4), torch.full((2, 6), 1 / 6)).isfinite().all()


def test_size_leaves_room_for_a_network_and_is_at_most_that_of_the_ground():
    tokens = KmerCounts(CellSpec("tokens", (7,), torch.uint8, 5))
    assert n_ground(tokens) == 4 + 16 + 64
    assert n_mean_core(tokens, 32) == 24
    assert n_mean_core(tokens, 400) == 84
    assert n_mean_core(Affine(CellSpec("images", (1, 40, 40), torch.float32)), 32) == 0
