from __future__ import annotations

import math

import pytest
import torch

from scgde.nn.solvers import SOLVERS, solve

ORDERS = {"euler": 1, "midpoint": 2, "heun": 2, "rk4": 4}
START = torch.tensor([0.5, 2.0], dtype=torch.float64)
#: Velocity and the exact state at time 1; the second one depends on the time too.
EQUATIONS = {
    "decay": (lambda x, time: -x, START / math.e),
    "driven": (lambda x, time: time - x, (START + 1) / math.e),
}


def error(method, equation, n_steps):
    velocity, exact = EQUATIONS[equation]
    return float((solve(velocity, START, n_steps=n_steps, method=method) - exact).abs().max())


@pytest.mark.parametrize("equation", EQUATIONS)
@pytest.mark.parametrize("method", SOLVERS)
def test_solver_converges_at_its_order(method, equation):
    order = math.log2(error(method, equation, 32) / error(method, equation, 64))
    assert order == pytest.approx(ORDERS[method], abs=0.1)


@pytest.mark.parametrize("method", SOLVERS)
def test_solver_is_exact_for_a_constant_velocity(method):
    moved = solve(lambda x, time: torch.ones_like(x), START, n_steps=3, method=method)
    torch.testing.assert_close(moved, START + 1)


def test_solve_refuses_an_unknown_method_and_lists_the_known():
    with pytest.raises(ValueError, match=r"`method` must be one of .*'euler'.*'rk4'.*, got 'leapfrog'"):
        solve(lambda x, time: x, START, n_steps=1, method="leapfrog")


def test_solve_refuses_no_steps():
    with pytest.raises(ValueError, match="`n_steps` must be at least 1, got 0"):
        solve(lambda x, time: x, START, n_steps=0)
