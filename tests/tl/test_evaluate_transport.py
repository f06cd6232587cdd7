from __future__ import annotations

import numpy as np
import pytest

from scgde import metrics, tl
from scgde.metrics._forecasts import DEFAULT_SCORES
from scgde.model import TDE
from scgde.results import read_model

BASELINES = ["identity", "pooled targets", "mean shift", "shift and scale", "nearest targets", "kernel look-up"]
PARTS = ["embedding look-up", "transport"]
FORECASTS = [*BASELINES, "source-conditioned", *PARTS, "forecast", "true target", "split half"]


@pytest.fixture(scope="module")
def scores(tde_fitted_once):
    return tl.evaluate_transport(tde_fitted_once, source_fit="source", n_draws=3, n_cells=50)


def test_evaluate_transport_has_a_row_for_each_held_out_pair_forecast_and_metric(tde_fitted_once, scores):
    pairs = tde_fitted_once.uns["tde"]["pairs"]
    held = pairs[pairs["split"] == "test"]
    assert len(scores) == len(held) * len(FORECASTS) * len(DEFAULT_SCORES)
    assert scores["forecast"].unique().tolist() == FORECASTS
    assert set(scores["source"]) == set(held["source"])
    finite = scores[(scores["n_source"] > 1) & (scores["n_target"] > 3)]
    assert np.isfinite(finite["value"]).all()


def test_evaluate_transport_measures_between_the_cells_of_each_pair(tde_fitted, scores):
    scale = read_model(tde_fitted, "tde", TDE).module.target_transform.scale.numpy()
    rows = scores[(scores["forecast"] == "identity") & (scores["metric"] == "energy")]
    for row in rows.itertuples():
        cells = (tde_fitted.X[(tde_fitted.obs["tde_set"] == name).to_numpy()] for name in (row.source, row.target))
        ends = (x / scale for x in cells)
        assert row.value == pytest.approx(metrics.energy_distance(*ends), rel=1e-4)


def test_evaluate_transport_of_the_true_target_is_the_transport_to_it(tde_fitted, scores):
    scale = read_model(tde_fitted, "tde", TDE).module.target_transform.scale.numpy()
    row = scores[(scores["forecast"] == "true target") & (scores["metric"] == "energy")].iloc[0]
    target = tde_fitted.X[(tde_fitted.obs["tde_set"] == row["target"]).to_numpy()]
    transported = tl.transport(tde_fitted, row["source"], row["target"]).X
    assert row["value"] == pytest.approx(metrics.energy_distance(transported / scale, target / scale), rel=1e-3)


def test_evaluate_transport_pools_training_targets_of_the_same_time_only(tde_fitted, scores):
    late = (tde_fitted.obs["time"] == 6) & (tde_fitted.obs["split"] == "train") & tde_fitted.obs["tde_set"].notna()
    before = scores[(scores["forecast"] == "pooled targets") & (scores["time_to"] == 4)]["value"]
    tde_fitted.X[late.to_numpy()] += 100
    for key in ("tde", "source"):
        del tde_fitted.uns[key]["fingerprint"]  # by which the change would be refused
    after = tl.evaluate_transport(tde_fitted, source_fit="source", n_draws=3, n_cells=50)
    after = after[after["forecast"] == "pooled targets"]
    np.testing.assert_allclose(after[after["time_to"] == 4]["value"].to_numpy(), before.to_numpy(), rtol=1e-5)
    assert (after[(after["time_to"] == 6) & (after["metric"] == "energy")]["value"] > 10).all()


def test_evaluate_transport_leaves_the_data_alone(tde_fitted, unchanged):
    with unchanged(tde_fitted):
        tl.evaluate_transport(tde_fitted, n_draws=1, metric="energy")


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"key": "nobody"}, KeyError, r"scgde\.tl\.fit_tde"),
        ({"metric": "nobody"}, ValueError, "`metric` must be one of"),
        ({"pairs": ["nobody"]}, KeyError, r"`pairs` must name rows of the pairs of the fit, got \['nobody'\]"),
        ({"source_fit": "tde"}, ValueError, '`source_fit` must name a fit with `condition="source"`'),
        ({"n_draws": 0}, ValueError, "`n_draws` must be at least 1"),
    ],
)
def test_evaluate_transport_says_what_is_wrong(tde_fitted, options, error, match):
    with pytest.raises(error, match=match):
        tl.evaluate_transport(tde_fitted, **options)


def test_evaluate_transport_asks_for_pairs_that_were_not_trained_on(tde_fitted):
    pairs = tde_fitted.uns["tde"]["pairs"]
    tde_fitted.uns["tde"]["pairs"] = pairs.assign(split=pairs["split"].cat.set_categories(["train"]).fillna("train"))
    with pytest.raises(ValueError, match="Pairs that the fit did not train on are required, but it trained on all"):
        tl.evaluate_transport(tde_fitted)
    known = tl.evaluate_transport(tde_fitted, pairs=[pairs.index[0]], n_draws=1, metric="energy")
    assert known["source"].unique().tolist() == [pairs["source"].iloc[0]]
