from __future__ import annotations

import numpy as np
import pytest

from scgde.predictors import Kernel, Neighbors, PairScaling
from scgde.predictors._mixture import energy_score, squared_distances, systematic_draws

N, E = 120, 3
MIXTURES = ("kernel", "neighbors")


@pytest.mark.parametrize("name", MIXTURES)
def test_mixture_weights_are_on_the_simplex(fitted, name, forked_pairs):
    predictor = fitted[name]
    inputs = predictor.scaling.inputs(forked_pairs(1)[0], np.zeros((N, 1)), None)
    weights = predictor.weights(inputs)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    assert (weights >= 0).all()


@pytest.mark.parametrize("predictor", [Kernel(residuals=False), Neighbors()])
def test_mixture_draws_are_targets_seen_in_training(predictor, forked_pairs):
    source, target = forked_pairs()
    draws = predictor.fit(source, target).draw(source[:3] + 1, n_draws=8, rng=np.random.default_rng(0))
    nearest = np.abs(draws.reshape(-1, 1, E) - target.astype(np.float32)).max(axis=-1).min(axis=1)
    assert nearest.max() < 1e-5


@pytest.mark.parametrize("cls", [Kernel, Neighbors])
def test_mixture_does_not_depend_on_the_units_and_position_of_embeddings(cls, forked_pairs):
    source, target = forked_pairs()
    new = forked_pairs(1)[0][:6]
    plain = cls().fit(source, target).mean(new)
    shifted = cls().fit(7 * source + 3, 0.1 * target - 5).mean(7 * new + 3)
    np.testing.assert_allclose(shifted, 0.1 * plain - 5, atol=1e-4)


@pytest.mark.parametrize("cls", [Kernel, Neighbors])
def test_mixture_carries_a_shift_over_to_a_source_unlike_all_others(cls):
    rng = np.random.default_rng(0)
    context = 5 * np.repeat(rng.normal(size=(8, E)), 6, axis=0)
    source = context + 0.3 * rng.normal(size=context.shape)
    shift = np.array([1.0, -2.0, 0.0])
    target = source + shift + 0.1 * rng.normal(size=source.shape)
    predictor = cls().fit(source, target, groups=np.repeat(np.arange(8), 6))
    assert predictor.chosen["relative"] == 1
    far = source[:5] + 30
    draws = predictor.draw(far, n_draws=10, rng=np.random.default_rng(1))
    np.testing.assert_allclose(draws, np.broadcast_to(far[:, None] + shift, draws.shape), atol=0.5)
    only_targets = {"relative": False} | ({"residuals": False} if cls is Kernel else {})
    fixed = cls(**only_targets).fit(source, target).draw(far, n_draws=10, rng=np.random.default_rng(1))
    assert np.abs(fixed - (far[:, None] + shift)).mean() > 5


@pytest.mark.parametrize("cls", [Kernel, Neighbors])
def test_mixture_is_not_relative_where_the_target_does_not_follow_the_source(cls):
    rng = np.random.default_rng(0)
    source, target = rng.normal(size=(N, E)), rng.normal(size=(N, E))
    assert cls().fit(source, target).chosen["relative"] == 0


def test_energy_score_is_that_of_pairs_of_draws():
    rng = np.random.default_rng(0)
    known, truth, weights = rng.normal(size=(5, 2)), rng.normal(size=(3, 2)), rng.dirichlet(np.ones(5), size=3)
    expected = 0.0
    for w, y in zip(weights, truth, strict=True):
        expected += sum(w[i] * np.linalg.norm(known[i] - y) for i in range(5))
        expected -= sum(w[i] * w[j] * np.linalg.norm(known[i] - known[j]) for i in range(5) for j in range(5)) / 2
    assert energy_score(known, truth)(weights) == pytest.approx(expected)


def test_systematic_draws_follow_the_weights_closely():
    weights = np.random.default_rng(0).dirichlet(np.ones(4), size=20)
    drawn = systematic_draws(weights, 50, np.random.default_rng(1))
    counts = np.stack([(drawn == column).sum(axis=1) for column in range(4)], axis=1)
    assert np.abs(counts - 50 * weights).max() <= 1


def test_squared_distances_add_the_noise_of_both():
    scaling = PairScaling.of(np.random.default_rng(0).normal(size=(4, E)), np.zeros((4, 0)), np.ones((4, E)))
    inputs = scaling.inputs(
        np.random.default_rng(0).normal(size=(4, E)), np.zeros((4, 0)), np.tile(np.eye(E), (4, 1, 1))
    )
    plain, noisy = (squared_distances(inputs, inputs, covariate_weight=1, noise_weight=w) for w in (0, 1))
    np.testing.assert_allclose(noisy - plain, inputs.noise[:, None] + inputs.noise)
