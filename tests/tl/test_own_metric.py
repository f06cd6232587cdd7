"""A metric that a user registers, from outside the package, works wherever a metric is chosen."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist, squareform

import scgde
from scgde import pl, tl


@pytest.fixture
def mean_distance():
    @scgde.metrics.METRICS.register("mean_distance", label="distance of means", is_squared=False)
    def mean_distance(x, y):
        return float(np.linalg.norm(x.mean(axis=0) - y.mean(axis=0)))

    yield mean_distance
    scgde.metrics.METRICS.unregister("mean_distance")


def means(adata):
    names = adata.uns["gde"]["sets"].index
    cells = pd.DataFrame(np.asarray(adata.X, dtype=float))
    return cells.groupby(adata.obs["gde_set"].astype(str).to_numpy()).mean().loc[names].to_numpy()


def test_distances_take_an_own_metric(fitted, mean_distance):
    table = tl.distances(fitted, metric="mean_distance", n_cells=10**6)
    np.testing.assert_allclose(table, squareform(pdist(means(fitted))), rtol=1e-5)
    np.testing.assert_array_equal(fitted.uns["gde"]["distances"]["mean_distance"], table)


def test_distances_draw_an_own_metric_with_its_label(fitted, mean_distance):
    tl.distances(fitted, metric="mean_distance")
    ax = pl.distances(fitted, metric="mean_distance", show=False)
    assert "distance of means" in [child.get_xlabel() for child in ax.child_axes]


def test_groups_are_compared_by_an_own_metric(fitted, mean_distance):
    fitted.uns["gde"]["sets"]["half"] = np.tile(["a", "b"], 5)
    own = tl.compare_groups(fitted, "half", metric="mean_distance")
    sets = scgde.get.sets(fitted)
    sets.obsm["means"] = means(fitted)
    assert own.statistic == pytest.approx(tl.compare_groups(sets, "half", metric="means", key=None).statistic, rel=0.3)
    options = {"n_permutations": 9, "n_draws": 9, "baselines": False}
    table = tl.evaluate_embedding(fitted, label_key="half", metric="mean_distance", **options)
    assert table["metric"].tolist() == ["mean_distance"]


def test_a_squared_metric_is_rooted_in_tests(fitted, mean_distance):
    fitted.uns["gde"]["sets"]["half"] = np.tile(["a", "b"], 5)
    squared = scgde.metrics.METRICS.register("squared_distance", label="", is_squared=True)
    squared(lambda x, y: mean_distance(x, y) ** 2)
    try:
        results = [tl.compare_groups(fitted, "half", metric=name) for name in ("mean_distance", "squared_distance")]
    finally:
        scgde.metrics.METRICS.unregister("squared_distance")
    assert results[0].statistic == pytest.approx(results[1].statistic)


def test_forecasts_are_scored_by_an_own_metric(tde_fitted, mean_distance):
    scores = tl.evaluate_transport(tde_fitted, n_draws=2, metric=["mean_distance", "wasserstein"])
    assert scores["metric"].unique().tolist() == ["mean_distance", "wasserstein"]
    same = scores.pivot_table(index=["source", "forecast"], columns="metric", values="value").dropna()
    assert len(same)
    assert (same["mean_distance"] <= same["wasserstein"] + 1e-6).all()  # Jensen's inequality


def test_an_own_metric_is_gone_once_it_is_unregistered(fitted):
    with pytest.raises(ValueError, match="`metric` must be one of"):
        tl.distances(fitted, metric="mean_distance")
