from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from scgde.stats import _linear_probe
from scgde.stats._linear_probe import Labels, fit_predict


def of(values, n_classes=0):
    return Labels(np.asarray(values), np.arange(len(values)), n_classes)


def predict(x, labels, new, class_weight=None):
    return fit_predict(x, labels, new, np.random.default_rng(0), class_weight=class_weight)


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(60, 4)) * [1, 10, 0.1, 1]


def test_fit_predict_is_logistic_regression(monkeypatch, x):
    monkeypatch.setattr(_linear_probe, "STRENGTHS", (0.5,))
    y = (x[:, 0] + np.random.default_rng(1).normal(size=60) > 0).astype(int)
    for weight in (None, "balanced"):
        oracle = make_pipeline(StandardScaler(), LogisticRegression(C=0.5, class_weight=weight)).fit(x, y)
        np.testing.assert_allclose(predict(x, of(y, 2), x[:9], weight), oracle.predict_proba(x[:9]), atol=1e-3)


@pytest.mark.parametrize("n_dims", [4, 100])
def test_fit_predict_is_ridge_regression_also_where_there_are_many_dimensions(monkeypatch, n_dims):
    monkeypatch.setattr(_linear_probe, "STRENGTHS", (0.5,))
    x, y = np.random.default_rng(0).normal(size=(40, n_dims)), np.random.default_rng(1).normal(size=40)
    oracle = make_pipeline(StandardScaler(), Ridge(alpha=2)).fit(x, y).predict(x[:7])
    np.testing.assert_allclose(predict(x, of(y), x[:7])[:, 0], oracle)


def test_penalty_is_strong_for_noise_and_weak_for_signal(x):
    rng = np.random.default_rng(0)
    noise, signal = rng.normal(size=60), x @ [1, 0.1, 10, 1]
    assert np.std(predict(x, of(noise), x)) < 0.3
    np.testing.assert_allclose(predict(x, of(signal), x)[:, 0], signal, atol=0.1)


def test_without_features_frequencies_are_predicted():
    nothing = np.empty((8, 0))
    np.testing.assert_allclose(
        predict(nothing, of([0, 0, 1, 2, 0, 0, 0, 1], 4), nothing[:2]), [[5 / 8, 1 / 4, 1 / 8, 0]] * 2
    )
    np.testing.assert_allclose(predict(nothing, of(np.arange(8.0)), nothing[:2]), [[3.5]] * 2)


def test_a_class_that_is_not_there_has_no_probability(x):
    outputs = predict(x, of(np.arange(60) % 2 * 2, 3), x)
    np.testing.assert_allclose(outputs.sum(axis=1), 1)
    assert (outputs[:, 1] == 0).all()
    assert (predict(x, of(np.ones(60, dtype=int), 3), x)[:, 1] == 1).all()


def test_constant_columns_are_ignored(x):
    y = of(x[:, 0])
    with_constant = np.column_stack([x, np.full(60, 1e6)])
    np.testing.assert_allclose(predict(with_constant, y, with_constant), predict(x, y, x))
