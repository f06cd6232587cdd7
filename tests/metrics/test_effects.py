from __future__ import annotations

import numpy as np
import pytest

from scgde.metrics._effects import EFFECT_SCORES, Effect, correlation, discrimination

N, G = 400, 40


def make(predicted=None, *, seed=0, effect=1.0) -> Effect:
    """A perturbation that moves half of the features and widens one, judged with controls of both sides."""
    rng = np.random.default_rng(seed)
    shift = effect * rng.normal(size=G) * (np.arange(G) % 2)
    mixing = np.eye(G) + 0.5 * np.eye(G, k=1)
    clouds = [rng.normal(size=(N, G)) @ mixing for _ in range(4)]
    true = (clouds[0] * np.where(np.arange(G) == 3, 2, 1)) + shift
    other = (clouds[1] * np.where(np.arange(G) == 3, 2, 1)) + shift
    cells = other if predicted is None else predicted(clouds[2], other)
    return Effect(cells, true, clouds[2], clouds[3], np.zeros(G))


@pytest.mark.parametrize("name", EFFECT_SCORES)
def test_other_cells_of_the_same_set_score_better_than_no_effect(name):
    score = EFFECT_SCORES[name]
    best, none = (score.function(effect) for effect in (make(), make(lambda control, true: control)))
    if name == "correlation_slope":
        # Noise of the true correlations bends it down.
        assert 0.6 < best < 1.1
    else:
        assert (best > none) == score.higher_is_better


@pytest.mark.parametrize("name", ["delta_correlation", "variance_correlation"])
def test_no_prediction_has_correlation_zero(name):
    assert EFFECT_SCORES[name].function(make(lambda control, true: control)) == 0


def test_a_constant_prediction_finds_what_chance_finds():
    recall = EFFECT_SCORES["top_recall"].function(make(lambda control, true: control))
    assert recall == pytest.approx(10 / G)


def test_independent_features_have_no_slope_and_scaled_effects_a_larger_error():
    rng = np.random.default_rng(1)
    shuffled = make(lambda control, true: np.stack([rng.permutation(column) for column in true.T], axis=1))
    assert abs(EFFECT_SCORES["correlation_slope"].function(shuffled)) < 0.1
    doubled = make(lambda control, true: control + 2 * (true.mean(axis=0) - control.mean(axis=0)))
    assert EFFECT_SCORES["weighted_error"].function(doubled) > 3 * EFFECT_SCORES["weighted_error"].function(make())
    # A correlation does not see it.
    assert EFFECT_SCORES["delta_correlation"].function(doubled) > 0.9


def test_a_control_in_both_effects_correlates_predictions_of_nothing_with_the_truth():
    """The trap that divided controls avoid."""
    rng = np.random.default_rng(0)
    control, other, predicted, true = (rng.normal(size=(30, 300)) for _ in range(4))
    shared = Effect(predicted, true, control, control, np.zeros(300))
    divided = Effect(predicted, true, control, other, np.zeros(300))
    score = EFFECT_SCORES["delta_correlation"].function
    assert score(shared) > 0.35
    assert abs(score(divided)) < 0.15


def test_discrimination_counts_nearer_perturbations_and_ties_half():
    true, others = np.array([1.0, 0.0]), np.array([[0.0, 1.0], [2.0, 0.0], [-1.0, 0.0]])
    assert discrimination(np.array([1.1, 0.0]), true, others) == 1
    assert discrimination(np.array([-0.8, 0.0]), true, others) == pytest.approx(1 / 3)
    assert discrimination(np.zeros(2), true, others, cosine=True) == 0.5
    assert discrimination(np.array([3.0, 0.1]), true, others, cosine=True) == pytest.approx(5 / 6)
    assert np.isnan(discrimination(true, true, others[:0]))


@pytest.mark.parametrize("cosine", [False, True])
def test_one_prediction_for_all_perturbations_has_rank_one_half(cosine):
    true = np.random.default_rng(0).normal(size=(20, 5))
    for constant in (true.mean(axis=0), np.ones(5), np.zeros(5)):
        ranks = [discrimination(constant, x, np.delete(true, i, axis=0), cosine=cosine) for i, x in enumerate(true)]
        assert np.mean(ranks) == pytest.approx(0.5)


def test_correlation_is_that_of_numpy():
    x, y = np.random.default_rng(0).normal(size=(2, 20))
    assert correlation(x, y) == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert correlation(x, np.ones(20)) == 0
