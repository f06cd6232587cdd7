from __future__ import annotations

import numpy as np
import pytest

from scgde.metrics import gaussian_wasserstein, pseudobulk_distance, pseudobulk_sd_distance


def test_unbiased_distance_of_draws_of_one_population_is_zero_on_average():
    rng = np.random.default_rng(0)
    draws = rng.gamma(2, size=(500, 2, 8, 5))
    values = np.array([pseudobulk_distance(x, y[:4], unbiased=True) for x, y in draws])
    assert abs(values.mean()) < 3 * values.std() / np.sqrt(500)
    assert values.min() < 0
    shifted = np.array([pseudobulk_distance(x, y[:4] + 1, unbiased=True) for x, y in draws])
    assert shifted.mean() == pytest.approx(5, abs=3 * shifted.std() / np.sqrt(500))


def test_unbiased_distance_of_a_single_cell_is_missing():
    x = np.arange(6.0).reshape(3, 2)
    assert np.isnan(pseudobulk_distance(x, x[:1], unbiased=True))
    assert pseudobulk_distance(x, x[:1]) == pytest.approx(8)


def test_means_and_standard_deviations_are_compared_as_those_of_gaussians():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 3)), rng.normal(1, 2, size=(20, 3))
    moments = [(z.mean(axis=0), np.diag(z.var(axis=0))) for z in (x, y)]
    expected = gaussian_wasserstein(*moments[0], *moments[1]) ** 2
    assert pseudobulk_sd_distance(x, y) == pytest.approx(float(expected), rel=1e-6)
