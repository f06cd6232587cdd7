from __future__ import annotations

import numpy as np

from scgde.pl._draw.ridgeline import kernel_densities


def test_kernel_densities_integrate_to_one_and_survive_equal_values():
    grid = np.linspace(-10, 10, 400)
    values = np.stack([np.random.default_rng(0).normal(size=300), np.zeros(300)])
    for curves in (kernel_densities(values, grid), kernel_densities(0 * values, grid)):
        np.testing.assert_allclose(curves.sum(axis=1) * (grid[1] - grid[0]), 1, rtol=1e-3)
