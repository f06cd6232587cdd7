from __future__ import annotations

import pytest
import torch

from scgde.nn.cells import Measure
from scgde.nn.exchanged_cells import CellExchange
from scgde.nn.linear_core import LinearCore
from scgde.train import seeded

N_SETS = 30


def sets_of(n_cells, n_features=2, spread=3.0):
    """Sets whose means differ by three standard deviations of their cells, cells and equal weights."""
    rng = torch.Generator().manual_seed(0)
    means = spread * torch.randn(N_SETS, 1, n_features, generator=rng)
    x = means + torch.randn(N_SETS, n_cells, n_features, generator=rng)
    return x, torch.full((N_SETS, n_cells), 1 / n_cells)


def fitted(x, weights):
    core = LinearCore(x.shape[-1], 5)
    coordinates = core.fit([x.flatten(0, 1)], [(x, weights)])
    exchange = CellExchange()
    exchange.fit(core, torch.arange(len(x)), coordinates)
    return exchange, core


def exchanged(exchange, x, weights, chosen=None):
    chosen = torch.ones(len(x), dtype=torch.bool) if chosen is None else chosen
    with seeded(0):
        return exchange(Measure(x, weights), torch.arange(len(x)), chosen)


def all_of(exchange):
    exchange.share = 1.0
    return exchange


def test_the_fewer_cells_the_more_are_exchanged():
    few, some, many = (fitted(*sets_of(n_cells, spread=0.5))[0].share for n_cells in (4, 20, 1000))
    assert 1 > few > 2 * some > 0
    assert many == 0


def test_so_many_cells_are_exchanged_as_differences_are_noise():
    x, weights = sets_of(200)
    exchange = fitted(x, weights)[0]
    exchange.share = 0.3
    moved = exchanged(exchange, x, weights).x
    assert float((moved != x).any(-1).double().mean()) == pytest.approx(0.3, abs=0.02)


def test_nothing_is_exchanged_without_noise():
    x, weights = sets_of(20)
    exchange = fitted(x, weights)[0]
    exchange.share = 0.0
    cells = Measure(x, weights)
    assert exchange(cells, torch.arange(len(x)), torch.ones(len(x), dtype=torch.bool)) is cells


def test_exchanged_cells_lie_in_the_frame_of_their_new_set():
    x, weights = sets_of(1000)
    moved = exchanged(all_of(fitted(x, weights)[0]), x, weights).x
    torch.testing.assert_close(moved.mean(1), x.mean(1), atol=0.2, rtol=0)
    torch.testing.assert_close(moved.std(1), x.std(1), atol=0.1, rtol=0)


def test_exchanged_cells_are_cells_of_the_batch_in_other_frames():
    x, weights = sets_of(10)
    exchange, core = fitted(x, weights)
    frame = core.frame(core(x, weights))
    known = frame.inside(x).flatten(0, 1)
    found = frame.inside(exchanged(all_of(exchange), x, weights).x).flatten(0, 1)
    nearest = torch.cdist(found, known).min(dim=1)
    assert nearest.values.max() < 1e-3
    assert (nearest.indices // x.shape[1] != torch.arange(len(found)) // x.shape[1]).float().mean() > 0.9


def test_sets_that_are_not_chosen_keep_their_cells():
    x, weights = sets_of(10)
    chosen = torch.arange(len(x)) % 2 == 0
    moved, same = exchanged(all_of(fitted(x, weights)[0]), x, weights, chosen)
    torch.testing.assert_close(moved[~chosen], x[~chosen], atol=0, rtol=0)
    torch.testing.assert_close(same, weights)
    assert (moved[chosen] != x[chosen]).any(-1).float().mean() > 0.9


def test_padding_stays_padding_and_is_given_to_no_set():
    x, weights = sets_of(10)
    exchange = all_of(fitted(x, weights)[0])
    padded = torch.where(torch.arange(10) < 6, x.new_tensor(1 / 6), x.new_tensor(0.0)).expand(len(x), 10)
    x[:, 6:] = 1e6
    moved, same = exchanged(exchange, x, padded)
    torch.testing.assert_close(same, padded)
    assert moved[:, :6].abs().max() < 100


def test_a_cell_takes_its_weight_along():
    x, _ = sets_of(10)
    exchange, core = fitted(x, torch.full(x.shape[:2], 0.1))
    weights = torch.full(x.shape[:2], 0.05).index_fill(1, torch.tensor([0]), 0.55)
    frame = core.frame(core(x, torch.full(x.shape[:2], 0.1)))
    moved, taken = exchanged(all_of(exchange), x, weights)
    torch.testing.assert_close(taken.sum(1), torch.ones(len(x)))
    source = torch.cdist(frame.inside(moved).flatten(0, 1), frame.inside(x).flatten(0, 1)).argmin(1)
    relative = (taken / taken.min(dim=1, keepdim=True).values).flatten()
    has_light = (taken.max(1).values > 1.5 * taken.min(1).values).repeat_interleave(10)
    assert has_light.float().mean() > 0.5
    torch.testing.assert_close(relative[has_light], torch.where(source % 10 == 0, 11.0, 1.0)[has_light])
