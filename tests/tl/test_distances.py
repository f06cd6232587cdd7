from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.spatial.distance import pdist, squareform

from scgde import datasets, get, metrics, tl
from scgde.metrics import METRICS
from scgde.metrics._registry import EMBEDDING_DISTANCES


@pytest.fixture
def measured(fitted):
    tl.uncertainty(fitted)
    return fitted


@pytest.mark.parametrize("metric", [*EMBEDDING_DISTANCES, *METRICS])
def test_distances_are_symmetric_and_zero_on_the_diagonal(measured, metric):
    table = tl.distances(measured, metric=metric, n_cells=10)
    names = measured.uns["gde"]["sets"].index
    assert table.index.equals(names)
    assert table.columns.equals(names)
    np.testing.assert_array_equal(table, table.T)
    np.testing.assert_array_equal(np.diag(table), 0)
    between = table.to_numpy()[~np.eye(len(table), dtype=bool)]
    # Sets may be nearer to each other than their noise tells.
    assert (between >= 0).all() if metric == "noise_corrected" else (between > 0).all()


def test_distances_of_several_metrics_are_stored_together(fitted, round_trip):
    tables = {metric: tl.distances(fitted, metric=metric) for metric in ("embedding", "energy")}
    stored = round_trip(fitted).uns["gde"]["distances"]
    for metric, table in tables.items():
        np.testing.assert_array_equal(stored[metric], table)


def test_distances_of_embeddings_are_euclidean(fitted):
    embedding = fitted.uns["gde"]["embedding"].astype(float)
    np.testing.assert_allclose(tl.distances(fitted, metric="embedding"), squareform(pdist(embedding)), rtol=1e-6)


def test_distances_between_cells_are_those_of_metrics(fitted):
    table = tl.distances(fitted, metric="energy", n_cells=10**6)
    column = fitted.obs["gde_set"]
    x, y = (np.asarray(fitted.X)[(column == name).to_numpy()] for name in column.cat.categories[:2])
    assert table.iloc[0, 1] == pytest.approx(metrics.energy_distance(x, y), rel=1e-5)
    table = tl.distances(fitted, metric="gaussian_wasserstein", n_cells=10**6)
    expected = metrics.gaussian_wasserstein(x.mean(0), np.cov(x.T), y.mean(0), np.cov(y.T))
    assert table.iloc[0, 1] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("metric", "option"), [("mmd", "bandwidth"), ("sinkhorn", "regularization")])
def test_distances_have_one_kernel_for_all_pairs(fitted, monkeypatch, metric, option):
    seen = []

    def function(x, y, **options):
        return seen.append(options[option]) or 1.0

    recorded = replace(METRICS[metric], function=function, all_pairs=None)
    monkeypatch.setitem(METRICS._entries, metric, recorded)
    tl.distances(fitted, metric=metric, n_cells=5)
    assert len(seen) == 45
    assert len(set(seen)) == 1
    x = np.asarray(fitted.X, dtype=float)
    expected = {"mmd": np.median(pdist(x)), "sinkhorn": 0.05 * np.mean(pdist(x) ** 2)}[metric]
    assert seen[0] == pytest.approx(expected, rel=0.3)


@pytest.mark.parametrize("metric", ["energy", "gaussian_wasserstein", "mmd", "sinkhorn"])
def test_distances_do_not_depend_on_the_number_of_processes(fitted, metric):
    one, two = (tl.distances(fitted, metric=metric, n_cells=5, n_jobs=n) for n in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_distances_between_cells_depend_on_the_seed_only(fitted):
    first, again, other = (tl.distances(fitted, metric="energy", n_cells=3, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_distances_are_between_the_sets_that_have_cells(fitted):
    name = fitted.obs["gde_set"].cat.categories[0]
    part = fitted[fitted.obs["gde_set"] != name].copy()
    expected = tl.distances(fitted, metric="embedding").drop(index=name, columns=name)
    pd.testing.assert_frame_equal(tl.distances(part, metric="embedding"), expected)
    assert list(tl.distances(part, metric="energy").index) == list(expected.index)


@pytest.mark.parametrize("metric", ["mahalanobis", "standard_error"])
def test_distances_in_standard_errors_need_a_covariance(fitted, metric):
    fitted.uns["gde"].pop("covariance", None)
    with pytest.raises(KeyError, match=r"scgde\.tl\.uncertainty"):
        tl.distances(fitted, metric=metric)


def test_distances_refuse_an_unknown_metric(fitted):
    with pytest.raises(ValueError, match="`metric` must be one of"):
        tl.distances(fitted, metric="cosine")


def test_distances_of_an_isometric_fit_are_in_the_units_of_the_cells(fit, cells):
    options = {"isometry": 0.1, "scaling": "common", "validation_fraction": 0}
    small, large = cells, cells.copy()
    large.X = 64 * large.X
    models = [fit(adata, **options) for adata in (small, large)]
    for adata, model in zip((small, large), models, strict=True):
        latent = squareform(pdist(adata.uns["gde"]["embedding"].astype(float)))
        np.testing.assert_allclose(tl.distances(adata, metric="embedding"), latent * model.latent_scale, rtol=1e-6)
    for metric in ("embedding", "noise_corrected"):
        found = [tl.distances(adata, metric=metric) for adata in (large, small)]
        np.testing.assert_allclose(found[0], 64 * found[1], rtol=1e-3, atol=1e-3)
    for adata in (small, large):
        tl.uncertainty(adata)
    errors = [tl.distances(adata, metric="standard_error") for adata in (small, large)]
    np.testing.assert_allclose(errors[1], 64 * errors[0], rtol=1e-3)


def test_distances_of_a_transport_are_those_of_its_embeddings(tde_fitted):
    expected = squareform(pdist(tde_fitted.uns["tde"]["embedding"].astype(float)))
    np.testing.assert_allclose(tl.distances(tde_fitted, key="tde", metric="embedding"), expected, rtol=1e-6)


@pytest.mark.slow
def test_distances_estimate_wasserstein_in_data_units_with_isometry(fit):
    adata = datasets.gaussian_sets(300, 60, seed=0)
    adata.X = 10 * adata.X
    options = {"max_steps": 300, "n_latent": 8, "sets_per_batch": 32, "set_size": 40, "scaling": "common"}
    fit(adata, isometry=1.0, encoder_kwargs={"n_hidden": 32}, **options)
    latent = tl.distances(adata, metric="embedding").to_numpy()
    mean, covariance = 10 * adata.uns["truth"]["mean"], 100 * adata.uns["truth"]["covariance"]
    first, second = np.triu_indices(300, k=1)
    exact = metrics.gaussian_wasserstein(mean[first], covariance[first], mean[second], covariance[second])
    error = np.abs(latent[first, second] - exact).mean() / exact.mean()
    assert error < 0.1


def test_corrected_distances_of_halves_of_a_population_are_near_zero(fit):
    """Sets in pairs of equal populations: what is left of a pair is small beside what L2 shows."""
    adata = datasets.gaussian_sets(12, 20, seed=0)
    halves = adata.obs["set"].astype(str) + np.where(np.arange(adata.n_obs) % 2, "a", "b")
    adata.obs["half"] = halves.to_numpy()
    fit(adata, groupby="half", validation_fraction=0, max_steps=20)
    tables = {metric: tl.distances(adata, metric=metric) for metric in ("embedding", "noise_corrected")}
    names = tables["embedding"].index
    same = np.array([[a != b and a[:-1] == b[:-1] for b in names] for a in names])
    other = np.array([[a[:-1] != b[:-1] for b in names] for a in names])
    ratios = {
        metric: table.to_numpy()[same].mean() / table.to_numpy()[other].mean() for metric, table in tables.items()
    }
    assert ratios["noise_corrected"] < 0.6 * ratios["embedding"]


def test_corrected_distances_need_cells_whose_noise_can_be_known(fit, cells):
    fit(cells, encoder="median_gnn", moments=False)
    with pytest.raises(ValueError, match="encoder that is smooth"):
        tl.distances(cells)
    assert "distances" not in cells.uns["gde"]


@pytest.mark.parametrize("metric", METRICS)
def test_distances_to_neighbors_are_those_of_all_pairs(fitted, metric):
    every = tl.distances(fitted, metric=metric, n_cells=8).to_numpy()
    near = tl.distances(fitted, metric=metric, n_cells=8, neighbors=3)
    assert near.index.equals(fitted.uns["gde"]["sets"].index)
    near = near.to_numpy()
    np.testing.assert_array_equal(near, near.T)
    np.testing.assert_allclose(near[near > 0], every[near > 0], rtol=1e-9)


def test_neighbors_are_the_nearest_of_one_set_or_the_other(fitted):
    embedding = squareform(pdist(fitted.uns["gde"]["embedding"]))
    np.fill_diagonal(embedding, np.inf)
    nearest = embedding <= np.sort(embedding, axis=1)[:, 1:2]
    measured = tl.distances(fitted, metric="energy", neighbors=2).to_numpy() > 0
    np.testing.assert_array_equal(measured, nearest | nearest.T)


def test_more_neighbors_than_sets_are_all_pairs(fitted):
    near, every = (tl.distances(fitted, metric="energy", neighbors=k).to_numpy() for k in (99, None))
    np.testing.assert_allclose(near, every, rtol=1e-9)


def test_distances_are_pairwise_entries_of_the_sets(fitted, round_trip):
    tl.distances(fitted, metric="energy", neighbors=2)
    tl.distances(fitted, metric="embedding")
    pairwise = get.sets(round_trip(fitted)).obsp
    assert sparse.issparse(pairwise["energy_neighbors"])
    np.testing.assert_array_equal(
        pairwise["energy_neighbors"].toarray() > 0, pairwise["energy_neighbors"].toarray().T > 0
    )
    np.testing.assert_array_equal(pairwise["embedding"], fitted.uns["gde"]["distances"]["embedding"])


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"metric": "embedding", "neighbors": 2}, ValueError, "`metric` must be one of"),
        ({"metric": "energy", "neighbors": 0}, ValueError, "`neighbors` must be at least 1, got 0"),
        ({"metric": "energy", "neighbors": 2.5}, TypeError, "`neighbors` must be an integer"),
    ],
)
def test_neighbors_of_no_use_are_refused(fitted, options, error, match):
    with pytest.raises(error, match=match):
        tl.distances(fitted, **options)
    assert "neighbor_distances" not in fitted.uns["gde"]
