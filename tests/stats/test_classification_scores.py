from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from scgde.stats._classification_scores import BOUNDS, calibration_error, class_scores, interval, number_scores


def drawn(n=200, n_classes=2, seed=0):
    """Classes drawn from the probabilities."""
    rng = np.random.default_rng(seed)
    probability = rng.dirichlet(np.ones(n_classes), size=n)
    return (rng.random((n, 1)) > probability.cumsum(axis=1)).sum(axis=1), probability


def test_scores_of_two_classes_agree_with_scikit_learn():
    truth, p = drawn()
    predicted, expected = p.argmax(axis=1), class_scores(truth, p)
    assert expected["accuracy"] == pytest.approx(metrics.accuracy_score(truth, predicted))
    assert expected["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(truth, predicted))
    assert expected["roc_auc"] == pytest.approx(metrics.roc_auc_score(truth, p[:, 1]))
    assert expected["f1"] == pytest.approx(metrics.f1_score(truth, predicted))
    assert expected["average_precision"] == pytest.approx(metrics.average_precision_score(truth, p[:, 1]))
    assert expected["brier"] == pytest.approx(2 * metrics.brier_score_loss(truth, p[:, 1]))


def test_scores_of_several_classes_agree_with_scikit_learn():
    truth, p = drawn(n_classes=4)
    expected = class_scores(truth, p)
    assert expected["roc_auc"] == pytest.approx(metrics.roc_auc_score(truth, p, multi_class="ovr"))
    assert expected["f1"] == pytest.approx(metrics.f1_score(truth, p.argmax(axis=1), average="macro"))
    assert expected["average_precision"] == pytest.approx(metrics.average_precision_score(truth, p))


def test_scores_take_a_part_without_some_class():
    truth, p = drawn(n_classes=3)
    scores = class_scores(truth[truth != 2], p[truth != 2])
    assert all(0 <= value <= 2 for value in scores.values())
    alone = class_scores(np.zeros(4, dtype=int), p[:4, :2] / p[:4, :2].sum(axis=1, keepdims=True))
    assert np.isnan(alone["roc_auc"])
    assert alone["f1"] == 0


def test_calibration_error_is_small_of_probabilities_that_are_true():
    truth, p = drawn(20_000, 3)
    assert calibration_error(truth, p) < 0.02
    overconfident = p**4 / (p**4).sum(axis=1, keepdims=True)
    assert calibration_error(truth, overconfident) > 0.1


def test_number_scores_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=50)
    predicted = truth + rng.normal(size=50)
    assert number_scores(truth, predicted)["r2"] == pytest.approx(metrics.r2_score(truth, predicted))
    assert number_scores(truth, np.exp(truth))["spearman"] == pytest.approx(1)
    assert number_scores(truth, np.zeros(50))["spearman"] == 0


def test_interval_is_wider_than_that_of_independent_parts():
    values = np.random.default_rng(0).normal(size=25)
    low, high = interval(values, 5, 0.95, (-np.inf, np.inf))
    assert (low + high) / 2 == pytest.approx(values.mean())
    assert (high - low) / 2 == pytest.approx(2.064 * values.std(ddof=1) * (1 / 25 + 1 / 4) ** 0.5, rel=1e-3)
    assert np.isnan(interval(np.array([1.0, np.nan]), 5, 0.95, (0.0, 1.0))).all()


@pytest.mark.parametrize("name", [*class_scores(*drawn()), *number_scores(np.arange(3.0), np.arange(3.0))])
def test_interval_stays_within_the_bounds_of_the_score(name):
    """Cut, not moved: an end that is possible stays where it is, and a value that is possible stays covered."""
    lowest, highest = BOUNDS[name]
    far = np.array([0.0, 0.0, 0.0, 0.0, -0.9])
    for values in (highest + far, max(lowest, -1.0) - far):
        low, high = interval(values, 5, 0.95, BOUNDS[name])
        whole = interval(values, 5, 0.95, (-np.inf, np.inf))
        assert whole[0] < lowest or whole[1] > highest or name == "r2"
        assert lowest <= low < values.mean() < high <= highest
        assert (low, high) == (max(whole[0], lowest), min(whole[1], highest))
