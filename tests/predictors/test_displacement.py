from __future__ import annotations

import numpy as np
import pytest

from scgde.predictors import PREDICTORS, Additive, DisplacementPredictor, EffectRidge

DISPLACEMENTS = [name for name in PREDICTORS if issubclass(PREDICTORS[name], DisplacementPredictor)]
E = 8


class Screen:
    """Single perturbations and doubles with additive effects, half of which are none, in several contexts."""

    def __init__(self, *, n: int = 12, n_contexts: int = 3, noise: float = 0.3, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.effects = rng.normal(size=(n, E)) * (np.arange(n) % 2)[:, None]
        doubles = np.eye(n) + np.roll(np.eye(n), 1, axis=1)
        self.features = np.tile(np.concatenate([np.eye(n), doubles]), (n_contexts, 1))
        self.source = np.repeat(rng.normal(size=(n_contexts, E)), 2 * n, axis=0)
        error = noise * rng.normal(size=(len(self.features), E))
        self.target = self.source + self.features @ self.effects + error
        self.variance = np.full_like(self.target, noise**2)

    def fit(self, name: str, **options) -> DisplacementPredictor:
        predictor = PREDICTORS[name](**options)
        noise = {"source_covariance": 0 * self.variance, "target_covariance": self.variance}
        return predictor.fit(self.source, self.target, covariates=self.features, **noise)


@pytest.mark.parametrize("name", DISPLACEMENTS)
def test_nothing_known_is_no_displacement_at_all(name):
    screen = Screen()
    screen.features = np.concatenate([screen.features, np.zeros((len(screen.features), 1))], axis=1)
    predictor = screen.fit(name)
    asked = np.eye(13)[[12]]
    assert not predictor.displacement(np.ones((1, E)), covariates=asked).any()
    np.testing.assert_allclose(predictor.mean(np.ones((1, E)), covariates=asked), 1, rtol=1e-6)


@pytest.mark.parametrize("name", DISPLACEMENTS)
def test_displacement_does_not_depend_on_the_source(name):
    predictor = Screen().fit(name)
    asked = np.eye(12)[[1, 3]]
    first, second = (predictor.displacement(z, covariates=asked) for z in (np.zeros((2, E)), np.full((2, E), 9.0)))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(predictor.mean(np.zeros((2, E)), covariates=asked), first, atol=1e-5)


@pytest.mark.parametrize("name", DISPLACEMENTS)
def test_unseen_combinations_are_predicted_by_their_parts(name):
    screen = Screen()
    predictor, asked = screen.fit(name), np.eye(12)[[1]] + np.eye(12)[[5]]
    error = predictor.displacement(np.zeros((1, E)), covariates=asked) - asked @ screen.effects
    assert np.square(error).sum() < 0.2 * np.square(asked @ screen.effects).sum()


def test_effects_within_their_noise_are_shrunk_away_and_others_hardly():
    screen = Screen(n_contexts=1, noise=0.3)
    effects = screen.fit("additive").displacement(np.zeros((12, E)), covariates=np.eye(12))
    plain = screen.fit("additive", shrink=False).displacement(np.zeros((12, E)), covariates=np.eye(12))
    none = np.arange(12) % 2 == 0
    of_none, before = np.square(effects[none]).sum(), np.square(plain[none]).sum()
    assert of_none < 0.3 * before
    np.testing.assert_allclose(effects[~none], plain[~none], rtol=0.35)


def test_shrinking_is_the_closed_form_for_single_perturbations():
    """James and Stein: with one pair each, an effect is multiplied by 1 - noise / |effect|^2."""
    rng = np.random.default_rng(0)
    displacement, variance = rng.normal(size=(5, E)), 0.05
    source = np.zeros((5, E))
    noise = {"source_covariance": np.zeros((5, E)), "target_covariance": np.full((5, E), variance)}
    predictor = Additive().fit(source, displacement, covariates=np.eye(5), **noise)
    size = np.square(displacement).sum(axis=1, keepdims=True)
    expected = displacement * np.maximum(0, 1 - variance * E / size)
    np.testing.assert_allclose(predictor.displacement(source, covariates=np.eye(5)), expected, rtol=5e-3)


def test_ridge_shrinks_combinations_that_are_less_than_their_parts():
    """The penalty is chosen on perturbations left out whole."""
    screen = Screen(n=12, n_contexts=1, noise=0.05)
    singles = screen.features.sum(axis=1) == 1
    screen.target[~singles] = 0.6 * screen.target[~singles] + 0.4 * screen.source[~singles]
    groups = np.arange(len(singles))
    ridge = EffectRidge().fit(screen.source, screen.target, covariates=screen.features, groups=groups)
    asked = np.eye(12)[[1]] + np.eye(12)[[5]]
    plain = screen.fit("additive", shrink=False)
    sizes = [np.linalg.norm(one.displacement(np.zeros((1, E)), covariates=asked)) for one in (ridge, plain)]
    assert ridge.chosen["penalty"] > 0
    assert sizes[0] < sizes[1]


def test_features_that_perturbations_share_predict_those_never_seen():
    rng = np.random.default_rng(1)
    features, map_ = rng.normal(size=(60, 3)), rng.normal(size=(3, E))
    source, target = np.zeros((60, E)), features @ map_ + 0.1 * rng.normal(size=(60, E))
    predictor = EffectRidge().fit(source[:40], target[:40], covariates=features[:40])
    error = predictor.displacement(source[40:], covariates=features[40:]) - features[40:] @ map_
    assert np.square(error).mean() < 0.02 * np.square(target).mean()
