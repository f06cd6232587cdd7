from __future__ import annotations

import numpy as np
import pytest

from scgde import metrics
from scgde.metrics import METRICS
from scgde.metrics._forecasts import forecast_scores, one_draw_per_cell


def cells(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def score(name, forecast, truth):
    return forecast_scores([name], [truth], 0)[name](forecast, truth, np.random.default_rng(0))


def test_one_draw_per_cell_has_each_source_cell_once_in_each_cloud_and_each_draw_once():
    forecast = np.stack(np.broadcast_arrays(np.arange(4)[:, None], np.arange(6)), axis=-1)
    clouds = one_draw_per_cell(forecast, np.random.default_rng(0))
    assert (clouds[..., 1] == np.arange(6)).all()
    assert (np.sort(clouds[..., 0], axis=0) == np.arange(4)[:, None]).all()


@pytest.mark.parametrize("name", ["unbiased_energy", "unbiased_mmd"])
def test_unbiased_scores_do_not_see_how_often_a_forecast_was_copied(name):
    cloud, truth = cells(1, 7, 2), cells(30, 2, seed=1)
    assert score(name, np.repeat(cloud, 5, axis=0), truth) == pytest.approx(score(name, cloud, truth))


@pytest.mark.parametrize("name", ["unbiased_energy", "unbiased_mmd"])
def test_unbiased_scores_are_zero_on_average_for_draws_of_the_truth(name):
    values = [score(name, cells(3, 5, 2, seed=i), cells(8, 2, seed=1000 + i)) for i in range(400)]
    assert abs(np.mean(values)) < 4 * np.std(values) / 20
    assert np.mean([score("energy", cells(1, 5, 2, seed=i), cells(8, 2, seed=1000 + i)) for i in range(50)]) > 0.1


def test_biased_scores_take_all_cells_of_all_draws():
    forecast, truth = cells(3, 5, 2), cells(30, 2, seed=1)
    assert score("energy", forecast, truth) == pytest.approx(metrics.energy_distance(forecast.reshape(15, 2), truth))


@pytest.mark.parametrize("name", METRICS.forms)
def test_scores_of_a_single_cell_are_nan_where_they_need_two(name):
    value = score(name, cells(2, 1, 2), cells(30, 2, seed=1))
    assert np.isnan(value) == name.startswith("unbiased")
