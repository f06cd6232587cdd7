from __future__ import annotations

import numpy as np
import pytest

from scgde import datasets, metrics, tl
from scgde.tl._distances import CELL_METRICS, EMBEDDING_METRICS


@pytest.fixture
def measured(fitted):
    tl.uncertainty(fitted)
    return fitted


@pytest.mark.parametrize("metric", [*EMBEDDING_METRICS, *CELL_METRICS])
def test_distances_are_symmetric_and_zero_on_the_diagonal(measured, metric):
    table = tl.distances(measured, metric=metric, n_cells=10)
    names = measured.uns["gde"]["sets"].index
    assert table.index.equals(names)
    assert table.columns.equals(names)
    np.testing.assert_array_equal(table, table.T)
    np.testing.assert_array_equal(np.diag(table), 0)
    assert (table.to_numpy()[~np.eye(len(table), dtype=bool)] > 0).all()


def test_distances_are_kept_side_by_side(fitted, round_trip):
    tables = {metric: tl.distances(fitted, metric=metric) for metric in ("embedding", "energy")}
    stored = round_trip(fitted).uns["gde"]["distances"]
    for metric, table in tables.items():
        np.testing.assert_array_equal(stored[metric], table)


def test_distances_of_embeddings_are_euclidean(fitted):
    embedding = fitted.uns["gde"]["embedding"]
    table = tl.distances(fitted)
    assert table.iloc[0, 1] == pytest.approx(np.linalg.norm(embedding[0] - embedding[1]), rel=1e-5)


def test_distances_between_cells_are_those_of_metrics(fitted):
    table = tl.distances(fitted, metric="energy", n_cells=10**6)
    column = fitted.obs["gde_set"]
    x, y = (np.asarray(fitted.X)[(column == name).to_numpy()] for name in column.cat.categories[:2])
    assert table.iloc[0, 1] == pytest.approx(metrics.energy_distance(x, y), rel=1e-5)


def test_distances_do_not_depend_on_the_number_of_processes(fitted):
    one, two = (tl.distances(fitted, metric="energy", n_cells=5, n_jobs=n) for n in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_distances_in_standard_errors_need_a_covariance(fitted):
    fitted.uns["gde"].pop("covariance", None)
    with pytest.raises(KeyError, match=r"scgde\.tl\.uncertainty"):
        tl.distances(fitted, metric="mahalanobis")


def test_distances_refuse_an_unknown_metric(fitted):
    with pytest.raises(ValueError, match="`metric` must be one of"):
        tl.distances(fitted, metric="cosine")


@pytest.mark.slow
def test_distances_estimate_wasserstein_in_data_units_with_isometry(fit):
    adata = datasets.gaussian_sets(300, 60, seed=0)
    adata.X = 10 * adata.X
    options = {"max_steps": 300, "n_latent": 8, "sets_per_batch": 32, "set_size": 40, "scaling": "common"}
    fit(adata, isometry=1.0, encoder_kwargs={"n_hidden": 32}, **options)
    latent = tl.distances(adata).to_numpy()
    mean, covariance = 10 * adata.uns["truth"]["mean"], 100 * adata.uns["truth"]["covariance"]
    first, second = np.triu_indices(300, k=1)
    exact = metrics.gaussian_wasserstein(mean[first], covariance[first], mean[second], covariance[second])
    error = np.abs(latent[first, second] - exact).mean() / exact.mean()
    assert error < 0.1
