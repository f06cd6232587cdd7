from __future__ import annotations

import numpy as np
import ot
import pytest
import torch

from scgde.nn.sinkhorn import partners, potentials


def problem(*, n_sets=2, seed=0):
    """Cost, weights of both sides and strength, in double precision."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n_sets, 7, 2)), rng.normal(0.5, 1, size=(n_sets, 9, 2))
    cost = np.square(x[:, :, None] - y[:, None]).sum(-1)
    weights = [rng.dirichlet(np.ones(size), size=n_sets) for size in (7, 9)]
    return [torch.from_numpy(part) for part in (cost, *weights, np.full(n_sets, 0.3))]


def plan(cost, weights_x, weights_y, strength, *, n_rounds):
    solved = potentials(cost, weights_x, weights_y, strength, n_rounds=n_rounds)
    return weights_x[:, :, None] * partners(cost, weights_y, strength, solved)


def test_plan_agrees_with_pot():
    cost, weights_x, weights_y, strength = problem()
    found = plan(cost, weights_x, weights_y, strength, n_rounds=100)
    for i in range(2):
        expected = ot.sinkhorn(weights_x[i].numpy(), weights_y[i].numpy(), cost[i].numpy(), reg=0.3, stopThr=1e-12)
        np.testing.assert_allclose(found[i].numpy(), expected, atol=1e-7)


@pytest.mark.parametrize("n_rounds", [0, 1, 5])
def test_rows_of_the_plan_sum_to_the_weights_after_any_number_of_rounds(n_rounds):
    cost, weights_x, weights_y, strength = problem()
    found = plan(cost, weights_x, weights_y, strength, n_rounds=n_rounds)
    torch.testing.assert_close(found.sum(2), weights_x)
    torch.testing.assert_close(found.sum(1), weights_y, rtol=0, atol=0.15 if n_rounds < 5 else 0.01)


def test_cells_of_weight_zero_have_partners_and_change_nothing():
    cost, weights_x, weights_y, strength = problem()
    weights_x[:, -1] = 0
    weights_x = weights_x / weights_x.sum(1, keepdim=True)
    found = partners(cost, weights_y, strength, potentials(cost, weights_x, weights_y, strength))
    fewer = [cost[:, :-1], weights_x[:, :-1], weights_y, strength]
    expected = partners(fewer[0], weights_y, strength, potentials(*fewer))
    torch.testing.assert_close(found.sum(2), torch.ones(2, 7).double())
    torch.testing.assert_close(found[:, :-1], expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("strength", [1e-4, 1e6])
def test_potentials_are_finite_at_extreme_strengths(dtype, strength):
    cost, weights_x, weights_y, _ = (part.to(dtype) for part in problem())
    solved = potentials(100 * cost, weights_x, weights_y, cost.new_full((2,), strength))
    assert solved.x.isfinite().all()
    assert solved.y.isfinite().all()
