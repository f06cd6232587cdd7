from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from scgde import datasets

FATES = [f"fate_{i}" for i in range(4)]


@pytest.fixture(scope="module")
def adata():
    return datasets.clones(paired_fraction=0.2)


@pytest.fixture(scope="module")
def truth(adata):
    return adata.uns["truth"]


def test_clones_are_mostly_seen_at_one_time(adata, truth):
    n_times = adata.obs.groupby("clone", observed=True)["time"].nunique()
    assert 0.75 < (n_times == 1).mean() < 0.9
    assert truth["clones"].loc[n_times.index[n_times > 1], "paired"].all()
    assert truth["clones"]["paired"].sum() == 60


def test_clones_grow(adata):
    sizes = adata.obs.groupby(["clone", "time"], observed=True).size().groupby("time").mean()
    # Each day multiplies by 1 + .6 - .05; harvests of paired clones slow it a little.
    growth = np.diff(np.log(sizes)) / 2
    assert (growth > 0.25).all()
    assert (growth < 0.55).all()


def test_clones_commit_over_time(adata):
    share = (adata.obs["fate"] == "progenitor").groupby(adata.obs["time"]).mean()
    # Commitment is independent of growth: the expected share is .7 to the number of days.
    np.testing.assert_allclose(share, 0.7 ** share.index.to_numpy(), atol=0.05)


def test_clones_reach_fates_in_proportion_to_their_bias(adata, truth):
    committed = adata.obs[(adata.obs["time"] == 6) & (adata.obs["fate"] != "progenitor")].dropna()
    observed = pd.crosstab(committed["clone"], committed["fate"], normalize="index").reindex(
        columns=FATES, fill_value=0
    )
    expected = truth["clones"].loc[observed.index.astype(str), FATES]
    assert stats.pearsonr(observed.to_numpy().ravel(), expected.to_numpy().ravel()).statistic > 0.8
    np.testing.assert_allclose(truth["clones"][FATES].sum(axis=1), 1)
    assert (expected.max(axis=1) < 0.8).mean() > 0.2, "some clones have several fates"


def test_clones_committed_cells_drift_to_their_fate(adata, truth):
    fate = adata.obs["fate"].cat.codes.to_numpy() - 1
    committed = fate >= 0
    distance = np.linalg.norm(adata.X[committed, None] - truth["fate_centers"], axis=2)
    own = distance[np.arange(committed.sum()), fate[committed]]
    by_time = pd.Series(own).groupby(adata.obs["time"].to_numpy()[committed]).mean()
    assert (np.diff(by_time) < 0).all()
    late = adata.obs["time"].to_numpy()[committed] == 6
    assert (distance.argmin(axis=1) == fate[committed])[late].mean() > 0.85


def test_clones_progenitors_stay_at_their_origin(adata, truth):
    keep = ((adata.obs["fate"] == "progenitor") & adata.obs["clone"].notna()).to_numpy()
    offset = adata.X[keep] - truth["origin"][adata.obs["clone"].cat.codes[keep]]
    assert np.abs(offset.mean(axis=0)).max() < 0.05
    # Stationary spread of x <- .65 x + .25 noise is .33; young cells are a little below.
    assert 0.25 < offset.std() < 0.34


def test_clones_loses_labels_at_the_stated_rate(adata):
    assert abs(adata.obs["clone"].isna().mean() - 0.1) < 0.02
    assert datasets.clones(5, unlabeled_fraction=0).obs["clone"].notna().all()


@pytest.mark.parametrize(
    ("choices", "error", "message"),
    [
        ({"times": (4, 2)}, ValueError, "`times` must be increasing"),
        ({"times": ()}, ValueError, "`times` must be increasing"),
        ({"times": (0, 2)}, ValueError, "`times` must be at least 1"),
        ({"times": (1.5,)}, TypeError, "`times` must be an integer"),
        ({"paired_fraction": 1.5}, ValueError, r"`paired_fraction` must be a number in \[0, 1\]"),
        ({"n_clones": 0}, ValueError, "`n_clones` must be at least 1"),
    ],
)
def test_clones_raises_when_arguments_are_wrong(choices, error, message):
    with pytest.raises(error, match=message):
        datasets.clones(**choices)
