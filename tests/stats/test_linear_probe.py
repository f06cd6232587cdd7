from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from scgde.stats import _linear_probe
from scgde.stats._linear_probe import Labels, fit_linear, fit_predict
from scgde.stats._standardizer import standardizers


def of(values, n_classes=0):
    return Labels(np.asarray(values), np.arange(len(values)), n_classes)


def predict(x, labels, new, class_weight=None):
    return fit_predict(x, labels, new, np.random.default_rng(0), class_weight=class_weight)


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(60, 4)) * [1, 10, 0.1, 1]


def test_fit_predict_is_logistic_regression(monkeypatch, x):
    monkeypatch.setattr(_linear_probe, "STRENGTHS", (0.5,))
    monkeypatch.setattr(_linear_probe, "_is_lower", lambda *_: False)
    y = (x[:, 0] + np.random.default_rng(1).normal(size=60) > 0).astype(int)
    for weight in (None, "balanced"):
        oracle = make_pipeline(StandardScaler(), LogisticRegression(C=0.5, class_weight=weight)).fit(x, y)
        np.testing.assert_allclose(predict(x, of(y, 2), x[:9], weight), oracle.predict_proba(x[:9]), atol=1e-3)


@pytest.mark.parametrize("n_dims", [4, 100])
def test_fit_predict_is_ridge_regression_also_where_there_are_many_dimensions(monkeypatch, n_dims):
    monkeypatch.setattr(_linear_probe, "STRENGTHS", (0.5,))
    monkeypatch.setattr(_linear_probe, "_is_lower", lambda *_: False)
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


def test_an_absent_class_has_no_probability(x):
    outputs = predict(x, of(np.arange(60) % 2 * 2, 3), x)
    np.testing.assert_allclose(outputs.sum(axis=1), 1)
    assert (outputs[:, 1] == 0).all()
    assert (predict(x, of(np.ones(60, dtype=int), 3), x)[:, 1] == 1).all()


def test_constant_columns_are_ignored(x):
    y = of(x[:, 0])
    with_constant = np.column_stack([x, np.full(60, 1e6)])
    np.testing.assert_allclose(predict(with_constant, y, with_constant), predict(x, y, x))


def scaling_kinds(x, reliability=None):
    own, common = standardizers(x, reliability)
    return own(x), common(x)


def test_own_scales_do_not_depend_on_units_and_a_common_one_on_a_rotation(x):
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))[0]
    own, common = scaling_kinds(x)
    np.testing.assert_allclose(scaling_kinds(x * [1e3, 1, 1e-3, -1] + 5)[0], own * [1, 1, 1, -1])
    np.testing.assert_allclose(scaling_kinds(x @ rotation)[1], common @ rotation, atol=1e-12)
    np.testing.assert_allclose([own.var(axis=0).mean(), common.var(axis=0).mean()], 1)


def test_columns_count_by_their_reliability(x):
    own, _ = scaling_kinds(x)
    np.testing.assert_array_equal(scaling_kinds(x, np.ones(4))[0], own)
    np.testing.assert_allclose(scaling_kinds(x, np.array([1, 0.5, 0.1, 0]))[0], own * [1, 0.5, 0.1, 0])


def test_a_coefficient_is_shrunk_by_the_square_of_the_reliability(monkeypatch):
    """Ridge regression on one column of unit variance, ``n`` sets and penalty ``p``: ``n r^2 / (n r^2 + p)``."""
    monkeypatch.setattr(_linear_probe, "STRENGTHS", (0.1,))
    monkeypatch.setattr(_linear_probe, "_is_lower", lambda *_: False)
    z = np.random.default_rng(0).normal(size=30)
    z = (z - z.mean()) / z.std()
    for r in (1.0, 0.5, 0.1):
        options = {"class_weight": None, "reliability": np.array([r])}
        coef = fit_linear(z[:, None], of(z), np.random.default_rng(0), **options).coef
        np.testing.assert_allclose(coef, 30 * r**2 / (30 * r**2 + 10))


def test_reliability_tells_signal_from_noise_where_labels_are_few():
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(300, 3))
    x, y = np.column_stack([signal, rng.normal(size=(300, 100))]), signal.sum(axis=1)
    known = np.r_[np.ones(3), np.full(100, 0.1)]
    few = {"labels": of(y[:20]), "new": x[20:], "class_weight": None}
    plain, weighted = (
        fit_predict(x[:20], rng=np.random.default_rng(0), reliability=of_columns, **few)[:, 0]
        for of_columns in (None, known)
    )
    assert np.corrcoef(weighted, y[20:])[0, 1] > 0.95 > 0.6 > np.corrcoef(plain, y[20:])[0, 1]


def test_a_common_scale_is_taken_where_small_columns_are_noise():
    rng = np.random.default_rng(0)
    signal = 3 * rng.normal(size=(300, 3))
    x, y = np.column_stack([signal, 0.1 * rng.normal(size=(300, 100))]), signal.sum(axis=1)
    outputs = fit_predict(x[:20], of(y[:20]), x[20:], rng, class_weight=None)[:, 0]
    assert np.corrcoef(outputs, y[20:])[0, 1] > 0.95


def test_of_columns_without_reliability_the_mean_is_predicted(monkeypatch, x):
    monkeypatch.setattr(_linear_probe, "_is_lower", lambda *_: False)
    y = of(x[:, 0])
    outputs = fit_predict(x, y, x, np.random.default_rng(0), class_weight=None, reliability=np.zeros(4))
    np.testing.assert_allclose(outputs[:, 0], y.values.mean())
