from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from scgde.nn.cells import CellSpec
from scgde.nn.generators import FlowMatching
from scgde.nn.solvers import SOLVERS

MEAN, SD = torch.tensor([2.0, -1.0]), torch.tensor([0.5, 1.5])


class GaussianVelocity(nn.Module):
    """Expectation of the velocity x - eps given x_t, for cells from N(MEAN, SD ** 2)."""

    def forward(self, x, time, context):
        time = time[..., None]
        spread = (time * SD).square() + (1 - time).square()
        return MEAN + (time * SD.square() - (1 - time)) / spread * (x - time * MEAN)


def draw(n_steps, solver, *, n_cells=20_000):
    generator = FlowMatching(CellSpec.vectors(2), 1, n_steps=n_steps, solver=solver)
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
    generator = FlowMatching(CellSpec.vectors(2), 1)
    torch.testing.assert_close(
        draw(generator.n_steps, generator.solver, n_cells=500), draw(512, "rk4", n_cells=500), rtol=0, atol=0.01
    )


def test_flow_matching_refuses_an_unknown_solver_and_no_steps():
    with pytest.raises(ValueError, match=r"`solver` must be one of .*'midpoint'.*, got 'leapfrog'"):
        FlowMatching(CellSpec.vectors(2), 1, solver="leapfrog")
    with pytest.raises(ValueError, match="`n_steps` must be at least 1, got 0"):
        FlowMatching(CellSpec.vectors(2), 1, n_steps=0)


def start_and_noise(generator, x, weights, reseed):
    """Where the lines to the cells start, and the noise that they start from."""
    reseed(1)
    start = generator._start(x, weights)
    reseed(1)
    return start, torch.randn_like(x)


def test_ot_coupling_gives_each_cell_other_noise_and_shorter_lines(reseed):
    x, weights = torch.randn(5, 30, 2), torch.full((5, 30), 1 / 30)
    start, noise = start_and_noise(FlowMatching(CellSpec.vectors(2), 1, coupling="ot"), x, weights, reseed)
    torch.testing.assert_close(start.sort(dim=1).values, noise.sort(dim=1).values)
    assert ((start - x).square().sum((1, 2)) < 0.5 * (noise - x).square().sum((1, 2))).all()


def test_independent_coupling_leaves_the_noise(reseed):
    x, weights = torch.randn(5, 30, 2), torch.full((5, 30), 1 / 30)
    start, noise = start_and_noise(FlowMatching(CellSpec.vectors(2), 1), x, weights, reseed)
    assert torch.equal(start, noise)


def test_ot_coupling_keeps_the_distribution_of_weighted_noise(reseed):
    x = torch.randn(4000, 4, 1)
    weights = torch.tensor([[0.4, 0.3, 0.2, 0.1]]).repeat(4000, 1)
    start, _ = start_and_noise(FlowMatching(CellSpec.vectors(1), 1, coupling="ot"), x, weights, reseed)
    moments = [(weights * start[..., 0] ** k).sum(-1).mean().item() for k in (1, 2, 4)]
    assert moments == pytest.approx([0, 1, 3], abs=0.15)


def test_flow_matching_refuses_an_unknown_coupling():
    with pytest.raises(ValueError, match=r"`coupling` must be one of \['independent', 'ot'\], got 'greedy'"):
        FlowMatching(CellSpec.vectors(2), 1, coupling="greedy")


def test_flow_matching_refuses_a_flag_that_is_none():
    with pytest.raises(TypeError, match="`gaussian` must be True or False, got 1"):
        FlowMatching(CellSpec.vectors(2), 1, gaussian=1)
