"""Encoder, generator and isometry term together are Wasserstein Wormhole."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from scgde import datasets, metrics, tl

N_TEST, N_CELLS = 60, 100


@pytest.fixture(scope="module")
def latent_and_exact():
    """Fit with so many steps; distances of new sets, latent and W2."""
    train = datasets.gaussian_sets(1000, 60, prior="balanced", seed=0)
    test = datasets.gaussian_sets(N_TEST, N_CELLS, prior="balanced", seed=1)
    mean, covariance = test.uns["truth"]["mean"], test.uns["truth"]["covariance"]
    a, b = np.triu_indices(N_TEST, 1)
    exact = metrics.gaussian_wasserstein(mean[a], covariance[a], mean[b], covariance[b])

    def distances(steps):
        model = tl.fit_gde(
            train.copy(),
            "set",
            encoder="wormhole",
            generator="wormhole",
            isometry=1.0,
            isometry_ground="sinkhorn",
            n_latent=8,
            moments=False,
            set_size=50,
            sets_per_batch=32,
            max_steps=steps,
            validation_fraction=0,
            progress_bar=False,
            encoder_kwargs={"n_hidden": 32},
            generator_kwargs={"n_hidden": 32, "n_points": 8, "n_rounds": 1},
            train_kwargs={"lr": 5e-3},
        )
        embedding = model.embed(np.asarray(test.X), np.repeat(np.arange(N_TEST), N_CELLS))
        return np.linalg.norm(embedding[a] - embedding[b], axis=1), model.latent_scale, exact

    return distances


@pytest.mark.slow
def test_wormhole_learns_wasserstein_2_in_its_units(latent_and_exact):
    first, _, exact = latent_and_exact(1)
    latent, scale, _ = latent_and_exact(150)
    assert spearmanr(latent, exact).statistic > 0.85 > spearmanr(first, exact).statistic
    assert np.median(scale * latent / exact) == pytest.approx(1, abs=0.1)
