"""Fixed-step solvers of dx/dt = v(x, t)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scgde._checks import check_count, check_one_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    Velocity = Callable[[Tensor, float], Tensor]


def euler(velocity: Velocity, x: Tensor, time: float, step: float) -> Tensor:
    """First order, one evaluation a step."""
    return x + step * velocity(x, time)


def midpoint(velocity: Velocity, x: Tensor, time: float, step: float) -> Tensor:
    """Second order, two evaluations a step."""
    middle = x + 0.5 * step * velocity(x, time)
    return x + step * velocity(middle, time + 0.5 * step)


def heun(velocity: Velocity, x: Tensor, time: float, step: float) -> Tensor:
    """Second order, two evaluations a step, the last one at the end of the step."""
    first = velocity(x, time)
    return x + 0.5 * step * (first + velocity(x + step * first, time + step))


def rk4(velocity: Velocity, x: Tensor, time: float, step: float) -> Tensor:
    """Fourth order, four evaluations a step."""
    k1 = velocity(x, time)
    k2 = velocity(x + 0.5 * step * k1, time + 0.5 * step)
    k3 = velocity(x + 0.5 * step * k2, time + 0.5 * step)
    k4 = velocity(x + step * k3, time + step)
    return x + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


SOLVERS = {"euler": euler, "heun": heun, "midpoint": midpoint, "rk4": rk4}


def solve(velocity: Velocity, x: Tensor, *, n_steps: int, method: str = "midpoint") -> Tensor:
    """Carry ``x`` from time 0 to time 1 in ``n_steps`` equal steps.

    Raises
    ------
    ValueError
        If ``method`` is no solver, or ``n_steps`` is below 1.
    """
    check_one_of(method, "method", list(SOLVERS))
    check_count(n_steps, "n_steps")
    for index in range(n_steps):
        x = SOLVERS[method](velocity, x, index / n_steps, 1 / n_steps)
    return x
