from __future__ import annotations

import inspect

import numpy as np
import pytest

from scgde import metrics, tl
from scgde.metrics import METRICS, CellMetric


@pytest.fixture
def clouds():
    rng = np.random.default_rng(0)
    return rng.normal(size=(30, 3)), rng.normal(1, 2, size=(41, 3))


@pytest.fixture
def name():
    """A name that is free, and free again after the test."""
    yield "mean_distance"
    if "mean_distance" in METRICS:
        METRICS.unregister("mean_distance")


def mean_distance(x, y):
    return float(np.linalg.norm(x.mean(axis=0) - y.mean(axis=0)))


def test_metrics_are_listed_by_name():
    assert list(METRICS) == sorted(METRICS)
    assert {"energy", "mmd", "wasserstein"} <= set(METRICS)
    assert repr(METRICS) == f"MetricRegistry('metric', {list(METRICS)})"


@pytest.mark.parametrize("metric", METRICS)
class TestEveryMetric:
    def test_is_final_and_documented(self, metric):
        entry = METRICS[metric]
        assert type(entry) is CellMetric
        assert entry.label
        assert entry.function.__doc__
        for parameter in inspect.signature(entry.function).parameters:
            assert parameter in entry.function.__doc__

    def test_is_listed_where_the_choice_is_taken(self, metric):
        assert f'``"{metric}"``' in tl.distances.__doc__
        assert f'``"{metric}"``' in tl.evaluate_transport.__doc__

    def test_takes_the_options_that_it_says(self, metric, clouds):
        entry = METRICS[metric]
        parameters = inspect.signature(entry.function).parameters
        assert entry.has_unbiased == ("unbiased" in parameters)
        assert entry.takes_seed == ("seed" in parameters)
        shared = {} if entry.shared is None else entry.shared(np.concatenate(clouds))
        assert set(shared) <= set(parameters)

    def test_prepared_is_a_symmetric_number_and_zero_for_a_copy(self, metric, clouds):
        x, y = clouds
        distance = METRICS[metric].prepare(np.concatenate(clouds))
        assert type(distance(x, y)) is float
        assert distance(x, y) == pytest.approx(distance(y, x), rel=1e-5)
        assert distance(x, y) > 0.01
        assert distance(x, x[::-1]) == pytest.approx(0, abs=1e-7)

    def test_scales_as_a_distance_or_as_its_square(self, metric, clouds):
        """Under a change of units by c, values change by c, or, of squares, by c or c^2 or not at all."""
        x, y = clouds
        distance, scaled = (METRICS[metric].prepare(c * np.concatenate(clouds)) for c in (1, 3))
        factor = scaled(3 * x, 3 * y) / distance(x, y)
        expected = [1, 3, 9] if METRICS[metric].is_squared else [3]
        assert min(abs(factor / power - 1) for power in expected) < 1e-3


@pytest.mark.parametrize(("metric", "factor"), [("energy", 3), ("mmd", 1), ("sinkhorn", 9)])
def test_squares_scale_as_their_definition_says(metric, factor, clouds):
    x, y = clouds
    distance, scaled = (METRICS[metric].prepare(c * np.concatenate(clouds)) for c in (1, 3))
    assert METRICS[metric].is_squared
    assert scaled(3 * x, 3 * y) == pytest.approx(factor * distance(x, y), rel=1e-3)


def test_prepare_gives_all_pairs_one_kernel(clouds):
    x, y = clouds
    pooled = 10 * np.concatenate(clouds)
    distance = METRICS["mmd"].prepare(pooled)
    assert distance(x, y) == metrics.mmd(x, y, bandwidth=metrics.median_bandwidth(pooled, count_equal=True))


def test_prepare_passes_what_the_function_takes(clouds):
    x, y = clouds
    unbiased = METRICS["energy"].prepare(x, unbiased=True, seed=3)
    assert unbiased(x, y) == metrics.energy_distance(x, y, unbiased=True)
    seeded = METRICS["sliced_wasserstein"].prepare(x, seed=3)
    assert seeded(x, y) == metrics.sliced_wasserstein(x, y, seed=3) != metrics.sliced_wasserstein(x, y)


def test_register_returns_the_function_as_it_is(name):
    assert METRICS.register(name, label="distance of means", is_squared=False)(mean_distance) is mean_distance
    assert METRICS[name] == CellMetric(mean_distance, "distance of means", is_squared=False)


def test_register_refuses_a_name_that_is_taken(name):
    add = METRICS.register(name, label="distance of means", is_squared=False)
    add(mean_distance)
    with pytest.raises(ValueError, match="A metric named 'mean_distance' exists already: mean_distance"):
        add(lambda x, y: 0.0)
    with pytest.raises(ValueError, match="A metric named 'energy' exists already: energy_distance"):
        METRICS.register("energy", label="", is_squared=False)(mean_distance)


@pytest.mark.parametrize("taken", ["embedding", "standard_error", "mahalanobis", "unbiased_thing"])
def test_register_refuses_names_that_mean_something_else(taken):
    with pytest.raises(ValueError, match="A metric must not be named as a distance between embeddings"):
        METRICS.register(taken, label="", is_squared=False)


def test_metrics_list_names_when_unknown():
    with pytest.raises(ValueError, match=r"`metric` must be one of \['energy', .*, got 'nobody'"):
        METRICS["nobody"]
