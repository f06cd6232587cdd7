from __future__ import annotations

import numpy as np

from scgde.predictors import PairScaling

E = 3


def test_scaling_fills_the_noise_of_sets_without_covariance():
    z = np.random.default_rng(0).normal(size=(4, E))
    covariance = np.stack([np.eye(E), np.full((E, E), np.nan), 3 * np.eye(E), 2 * np.eye(E)])
    scaling = PairScaling.of(z, np.zeros((4, 0)), z)
    noise = scaling.inputs(z, np.zeros((4, 0)), covariance).noise
    np.testing.assert_allclose(noise * scaling.source_scale**2, [1, 2, 3, 2])
