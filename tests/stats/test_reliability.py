from __future__ import annotations

import numpy as np

from scgde.stats import reliability


def test_reliability_is_the_share_of_variance_that_is_signal():
    rng = np.random.default_rng(0)
    signal, noise = np.array([3.0, 1.0, 0.5]), np.array([1.0, 1.0, 2.0])
    x = signal * rng.normal(size=(40_000, 3)) + noise * rng.normal(size=(40_000, 3))
    np.testing.assert_allclose(reliability(x, noise**2), signal**2 / (signal**2 + noise**2), atol=0.02)


def test_reliability_does_not_depend_on_units_and_origins():
    rng = np.random.default_rng(0)
    x, noise, unit = rng.normal(size=(30, 4)), rng.random((30, 4)), np.array([1e-3, 0.1, 1, 1e3])
    np.testing.assert_allclose(reliability(x * unit + 7, noise * unit**2), reliability(x, noise))


def test_reliability_of_two_measurements_is_their_correlation():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(20_000, 1))
    first, second = (truth + 0.7 * rng.normal(size=truth.shape) for _ in range(2))
    expected = np.corrcoef(first[:, 0], second[:, 0])[0, 1]
    np.testing.assert_allclose(reliability(first, np.array([0.49])), [expected], atol=0.02)


def test_reliability_is_between_0_and_1_and_leaves_out_what_is_not_known():
    x = np.array([[-1.0, 0.0, 1.0], [1.0, 0.0, -1.0], [0.0, 0.0, 0.0]])
    np.testing.assert_array_equal(reliability(x, np.array([100.0, 1.0, 0.0])), [0, 0, 1])
    noise = np.array([[0.1] * 3, [0.3] * 3, [np.nan] * 3])
    np.testing.assert_allclose(reliability(x, noise), reliability(x, np.full(3, 0.2)))
