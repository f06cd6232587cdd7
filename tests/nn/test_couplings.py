from __future__ import annotations

from itertools import permutations

import numpy as np
import ot
import pytest
import torch

from scgde.nn.couplings import METHODS, pair


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def cost(x, y, index):
    """Mean squared distance between partners, per set."""
    return (x - y.gather(1, index[:, :, None].expand_as(x))).square().sum(-1).mean(-1)


def weights_of(n_sets, *values):
    return torch.tensor(values).double().repeat(n_sets, 1)


def test_exact_pairing_is_the_best_permutation():
    x, y = torch.randn(4, 5, 2), torch.randn(4, 5, 2)
    best = torch.stack([cost(x, y, torch.tensor(p).expand(4, -1)) for p in permutations(range(5))]).amin(0)
    index = pair(x, y)
    assert (index.sort(dim=1).values == torch.arange(5)).all()
    torch.testing.assert_close(cost(x, y, index), best)


@pytest.mark.parametrize("method", METHODS)
def test_pairing_finds_the_cells_in_another_order(method):
    x = torch.randn(3, 12, 4)
    order = torch.rand(3, 12).argsort(1)
    y = x.gather(1, order[:, :, None].expand_as(x))
    index = pair(x, y, method=method, epsilon=1e-3)
    torch.testing.assert_close(y.gather(1, index[:, :, None].expand_as(x)), x)


def test_exact_pairing_with_weights_costs_what_transport_costs_on_average():
    n_draws, x, y = 4000, torch.randn(1, 4, 2), torch.randn(1, 6, 2)
    weights_x, weights_y = weights_of(n_draws, 0.1, 0.2, 0.3, 0.4), weights_of(n_draws, 0.3, 0.3, 0.1, 0.1, 0.1, 0.1)
    x, y = x.expand(n_draws, -1, -1), y.expand(n_draws, -1, -1)
    index = pair(x, y, weights_x=weights_x, weights_y=weights_y, rng=rng())
    costs = (x - y[0][index]).square().sum(-1) @ weights_x[0].float()
    expected = ot.emd2(weights_x[0].numpy(), weights_y[0].numpy(), ot.dist(x[0].numpy(), y[0].numpy()))
    assert costs.mean().item() == pytest.approx(expected, abs=5 * costs.std().item() / n_draws**0.5 + 1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_partners_are_distributed_as_the_other_set(method):
    n_draws = 4000
    x, y = torch.randn(1, 4, 2).expand(n_draws, -1, -1), torch.randn(1, 3, 2).expand(n_draws, -1, -1)
    weights_y = weights_of(n_draws, 0.5, 0.3, 0.2)
    index = pair(x, y, weights_y=weights_y, method=method, rng=rng())
    shares = np.bincount(index.flatten().numpy(), minlength=3) / index.numel()
    np.testing.assert_allclose(shares, weights_y[0].numpy(), atol=0.02)


def test_sinkhorn_pairing_draws_from_the_plan():
    n_draws = 4000
    x, y = torch.randn(1, 3, 2).double(), torch.randn(1, 3, 2).double()
    matrix, third = ot.dist(x[0].numpy(), y[0].numpy()), np.full(3, 1 / 3)
    plan = ot.sinkhorn(third, third, matrix, reg=0.5 * matrix.mean())
    index = pair(*(part.expand(n_draws, -1, -1) for part in (x, y)), method="sinkhorn", epsilon=0.5, rng=rng())
    shares = torch.nn.functional.one_hot(index, 3).double().mean(0)
    np.testing.assert_allclose(shares.numpy(), 3 * plan, atol=0.03)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("filler", [1e6, 0.0])
def test_cells_of_weight_zero_are_nobodys_partner_and_change_nothing(method, filler):
    x, y = torch.randn(5, 6, 2), torch.randn(5, 6, 2)
    weights = torch.tensor([[0.25, 0.25, 0.25, 0.25, 0.0, 0.0]]).repeat(5, 1)
    x[:, 4:], y[:, 4:] = filler, filler
    index = pair(x, y, weights_x=weights, weights_y=weights, method=method, rng=rng())
    assert (index < 4).all()
    if method == "exact":
        assert torch.equal(index[:, :4], pair(x[:, :4], y[:, :4]))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("sizes", [(1, 1), (1, 4), (4, 1)])
def test_pairing_of_few_or_equal_cells_is_valid(method, sizes):
    index = pair(torch.ones(2, sizes[0], 3), torch.ones(2, sizes[1], 3), method=method)
    assert index.shape == (2, sizes[0])
    assert ((index >= 0) & (index < sizes[1])).all()


@pytest.mark.parametrize("method", METHODS)
def test_pairing_depends_on_the_rng_only(method, reseed):
    x, y = torch.randn(5, 9, 2), torch.randn(5, 30, 2)
    first = pair(x, y, method=method, epsilon=1.0, rng=rng(1))
    reseed(7)
    state = torch.get_rng_state()
    assert torch.equal(pair(x, y, method=method, epsilon=1.0, rng=rng(1)), first)
    assert not torch.equal(pair(x, y, method=method, epsilon=1.0, rng=rng(2)), first)
    assert torch.equal(torch.get_rng_state(), state)


def test_pair_refuses_an_unknown_method_and_no_entropy():
    x = torch.randn(1, 3, 2)
    with pytest.raises(ValueError, match=r"`method` must be one of \['exact', 'sinkhorn'\], got 'greedy'"):
        pair(x, x, method="greedy")
    with pytest.raises(ValueError, match="`epsilon` must be positive and finite, got 0"):
        pair(x, x, method="sinkhorn", epsilon=0)
