from __future__ import annotations

import pytest
import torch

from scgde.nn.cells import Measure
from scgde.nn.virtual_sets import SetSummary, VirtualSets
from scgde.train import seeded


def known_sets(n_sets, n_features=3, n_cells=50):
    rng = torch.Generator().manual_seed(0)
    scale = torch.tensor([1.0, 0.2, 0.0])[:n_features]
    x = torch.randn(n_sets, n_cells, n_features, generator=rng) + 3 * scale * torch.randn(
        n_sets, 1, n_features, generator=rng
    )
    return x, torch.full((n_sets, n_cells), 1 / n_cells)


def fitted(n_sets):
    x, weights = known_sets(n_sets)
    virtual = VirtualSets()
    virtual.fit([SetSummary.of(torch.arange(n_sets), x, weights)])
    return virtual, x


@pytest.mark.parametrize(("n_sets", "share"), [(5, 1.0), (50, 1.0), (200, 0.25)])
def test_more_sets_need_fewer_virtual_ones(n_sets, share):
    assert fitted(n_sets)[0].share == share


def test_without_a_fit_no_set_is_virtual():
    assert VirtualSets().share == 0


def test_means_of_virtual_sets_spread_as_those_of_the_training_sets():
    virtual, x = fitted(40)
    with seeded(0):
        moves = virtual.draw(torch.zeros(2000, dtype=torch.long), share=1.0)
    assert moves.is_virtual.all()
    spread = moves.shift.var(0)
    expected = x.mean(1).var(0, correction=0)
    isotropic = 0.09 * (x.mean(1) - x.mean(1).mean(0)).square().mean()
    torch.testing.assert_close(spread, expected + isotropic, rtol=0.15, atol=0)


def test_a_move_shifts_the_mean_and_stretches_deviations_of_both_views_alike():
    virtual, x = fitted(10)
    with seeded(0):
        moves = virtual.draw(torch.arange(10), share=1.0)
    untilted = moves._replace(tilt=torch.zeros_like(moves.tilt))
    weights = torch.full(x.shape[:2], 1 / x.shape[1])
    moved, same = untilted.apply(Measure(x, weights))
    torch.testing.assert_close(same, weights)
    torch.testing.assert_close(moved.mean(1), x.mean(1) + moves.shift, atol=1e-4, rtol=0)
    torch.testing.assert_close(moved.std(1), x.std(1) * moves.stretch, atol=1e-4, rtol=1e-4)
    half = untilted.apply(Measure(x[:, :5], torch.full((10, 5), 0.2)))
    torch.testing.assert_close(half.x, moved[:, :5])


def test_a_tilt_makes_cells_of_one_side_more_common():
    virtual, x = fitted(10)
    with seeded(0):
        moves = virtual.draw(torch.arange(10), share=1.0)
    weights = torch.full(x.shape[:2], 1 / x.shape[1])
    _, tilted = moves.apply(Measure(x, weights))
    torch.testing.assert_close(tilted.sum(1), torch.ones(10))
    along = ((x - moves.center[:, None]) * moves.tilt[:, None]).sum(-1)
    assert ((tilted * along).sum(1) > 0).all()
    n_effective = 1 / tilted.square().sum(1)
    assert (n_effective > 0.2 * x.shape[1]).all()


def test_padding_stays_padding():
    virtual, x = fitted(10)
    with seeded(0):
        moves = virtual.draw(torch.arange(10), share=1.0)
    weights = torch.full(x.shape[:2], 1 / 40)
    weights[:, 40:] = 0
    assert (moves.apply(Measure(x, weights)).weights[:, 40:] == 0).all()


def test_sets_that_are_not_virtual_stay_as_they_are():
    virtual, x = fitted(10)
    with seeded(0):
        moves = virtual.draw(torch.arange(10), share=0.5)
    weights = torch.full(x.shape[:2], 1 / x.shape[1])
    moved, tilted = moves.apply(Measure(x, weights))
    kept = ~moves.is_virtual
    assert 0 < kept.sum() < 10
    torch.testing.assert_close(moved[kept], x[kept], atol=1e-5, rtol=0)
    torch.testing.assert_close(tilted[kept], weights[kept])
    assert (moved[~kept] != x[~kept]).any()
