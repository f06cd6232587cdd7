from __future__ import annotations

import numpy as np
import pytest

from scgde.metrics import METRICS, _gaussian, _pairwise
from scgde.metrics._all_pairs import EachPair
from scgde.metrics._between_sets import between_sets

IN_BLOCKS = [name for name in METRICS if METRICS[name].all_pairs is not None]


@pytest.fixture
def clouds():
    """Sets of fewer and of more cells than features, one of them twice, and one that is nearly another."""
    rng = np.random.default_rng(0)
    clouds = [rng.normal(rng.normal(size=4), rng.uniform(0.5, 2, 4), size=(n, 4)) for n in (2, 3, 5, 9, 30, 12)]
    return [*clouds, clouds[4][::-1], clouds[4] + 1e-6 * rng.normal(size=(30, 4))]


def test_metrics_with_terms_of_one_set_are_known():
    assert IN_BLOCKS == ["energy", "gaussian_wasserstein", "mmd", "sinkhorn"]


@pytest.mark.parametrize("metric", IN_BLOCKS)
class TestEveryMetricInBlocks:
    def test_equals_the_function_of_each_pair(self, metric, clouds):
        pooled, entry = np.concatenate(clouds), METRICS[metric]
        found = between_sets(clouds, entry.prepare_all_pairs(pooled))
        expected = between_sets(clouds, EachPair(entry.prepare(pooled)))
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-12)

    def test_does_not_depend_on_the_memory_of_a_block(self, metric, clouds, monkeypatch):
        pairs = METRICS[metric].prepare_all_pairs(np.concatenate(clouds))
        at_once = between_sets(clouds, pairs)
        for module in (_pairwise, _gaussian):
            monkeypatch.setattr(module, "MAX_ENTRIES", 50)
        np.testing.assert_allclose(between_sets(clouds, pairs), at_once, rtol=1e-12, atol=1e-14)

    def test_takes_the_term_of_a_set_once(self, metric, clouds, monkeypatch):
        pairs, seen = METRICS[metric].prepare_all_pairs(np.concatenate(clouds)), []
        of_set = pairs.of_set
        monkeypatch.setattr(pairs, "of_set", lambda x: seen.append(len(x)) or of_set(x))
        between_sets(clouds, pairs)
        assert seen == [len(cloud) for cloud in clouds]


@pytest.mark.parametrize("metric", [name for name in METRICS if METRICS[name].has_unbiased])
def test_unbiased_form_in_blocks_is_that_of_each_pair(metric, clouds):
    pooled, entry = np.concatenate(clouds), METRICS[metric]
    found = between_sets(clouds, entry.prepare_all_pairs(pooled, unbiased=True))
    expected = between_sets(clouds, entry.prepare(pooled, unbiased=True))
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-12)


def test_gaussian_in_blocks_takes_sets_of_one_cell(clouds):
    clouds = [clouds[0][:1], clouds[1][:1], clouds[2]]
    entry = METRICS["gaussian_wasserstein"]
    found = between_sets(clouds, entry.prepare_all_pairs(clouds[0]))
    np.testing.assert_allclose(found, between_sets(clouds, entry.prepare(clouds[0])), rtol=1e-12)


def test_gaussian_in_blocks_keeps_the_digits_of_close_covariances(clouds):
    x = clouds[4]
    found = between_sets([x, x[::-1], 1.00001 * (x - x.mean(0)) + x.mean(0)], _gaussian._GaussianPairs())
    assert found[0, 1] < 1e-12
    assert found[0, 2] == pytest.approx(1e-5 * np.sqrt(np.trace(np.cov(x.T))), rel=1e-6)
