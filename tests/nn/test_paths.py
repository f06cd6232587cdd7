from __future__ import annotations

import torch
from torch.autograd.functional import jvp

from scgde.nn.paths import cosine_schedule, straight_path


def pair():
    return torch.randn(2, 4, 3), torch.randn(2, 4, 3)


def test_straight_path_runs_from_start_to_end():
    start, end = pair()
    torch.testing.assert_close(straight_path(start, end, torch.zeros(2, 4)).x, start)
    torch.testing.assert_close(straight_path(start, end, torch.ones(2, 4)).x, end)


def test_straight_path_velocity_is_the_derivative():
    (start, end), time = pair(), torch.rand(2, 4)
    _, derivative = jvp(lambda t: straight_path(start, end, t).x, time, torch.ones_like(time))
    torch.testing.assert_close(straight_path(start, end, time).velocity, derivative)


def test_cosine_schedule_preserves_variance():
    level = cosine_schedule(torch.linspace(0, 1, 101))
    torch.testing.assert_close(level.signal.square() + level.noise.square(), torch.ones(101))


def test_cosine_schedule_goes_from_noise_to_the_cell():
    signal, noise = cosine_schedule(torch.linspace(0, 1, 101))
    assert (signal.diff() > 0).all()
    assert (noise.diff() < 0).all()
    torch.testing.assert_close(torch.stack([signal[0], noise[0], signal[-1], noise[-1]]), torch.tensor([0.0, 1, 1, 0]))
