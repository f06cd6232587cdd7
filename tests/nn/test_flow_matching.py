from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from scgde.nn.generators import FlowMatching
from scgde.nn.solvers import SOLVERS

MEAN, SD = torch.tensor([2.0, -1.0]), torch.tensor([0.5, 1.5])


class GaussianVelocity(nn.Module):
    """Expectation of the velocity x - eps given x_t, for cells from N(MEAN, SD ** 2)."""

    def forward(self, x, time, context):
        spread = (time * SD).square() + (1 - time).square()
        return MEAN + (time * SD.square() - (1 - time)) / spread * (x - time * MEAN)


def draw(n_steps, solver, *, n_cells=20_000):
    generator = FlowMatching(2, 1, n_steps=n_steps, solver=solver)
    generator.backbone = GaussianVelocity()
    return generator.sample(torch.zeros(1, 1).double(), n_cells, rng=torch.Generator().manual_seed(0))[0]


@pytest.mark.parametrize("solver", SOLVERS)
def test_flow_draws_from_the_gaussian_whose_velocity_is_known(solver):
    cells = draw(128 if solver == "euler" else 32, solver)
    standard_error = SD / math.sqrt(len(cells))
    assert ((cells.mean(0) - MEAN).abs() < 4 * standard_error).all()
    torch.testing.assert_close(cells.std(0), SD.double(), rtol=0.02, atol=0)


@pytest.mark.parametrize(("solver", "order"), [("euler", 1), ("midpoint", 2), ("rk4", 4)])
def test_flow_converges_at_least_at_the_order_of_its_solver(solver, order):
    # Per cell, under the same starting noise.
    exact = draw(512, "rk4", n_cells=50)
    errors = [(draw(n_steps, solver, n_cells=50) - exact).abs().mean() for n_steps in (32, 64)]
    assert math.log2(errors[0] / errors[1]) > order - 0.2


def test_default_solver_is_exact_to_a_percent():
    generator = FlowMatching(2, 1)
    torch.testing.assert_close(
        draw(generator.n_steps, generator.solver, n_cells=500), draw(512, "rk4", n_cells=500), rtol=0, atol=0.01
    )


def test_flow_matching_refuses_an_unknown_solver_and_no_steps():
    with pytest.raises(ValueError, match=r"`solver` must be one of .*'midpoint'.*, got 'leapfrog'"):
        FlowMatching(2, 1, solver="leapfrog")
    with pytest.raises(ValueError, match="`n_steps` must be at least 1, got 0"):
        FlowMatching(2, 1, n_steps=0)
