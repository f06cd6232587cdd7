from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scgde import datasets, tl
from scgde.model import TDE
from scgde.results import read_model


def test_forecast_transports_each_cell_to_every_draw(tde_fitted, ends):
    start = tde_fitted[(tde_fitted.obs["tde_set"] == ends[0]).to_numpy()]
    cells = tl.forecast(tde_fitted, ends[0], to=4, n_draws=3)
    assert cells.n_obs == 3 * start.n_obs
    assert cells.obs_names.is_unique
    assert (cells.obs.groupby("cell")["draw"].agg(set) == {0, 1, 2}).all()
    assert (cells.obs["target_set"] == "forecast").all()
    assert cells.uns["forecast"]["embedding"].shape == (1, 3, 4)


def test_forecast_is_the_transport_to_the_drawn_embeddings(tde_fitted, ends):
    start = tde_fitted[(tde_fitted.obs["tde_set"] == ends[0]).to_numpy()]
    cells = tl.forecast(tde_fitted, ends[0], to=4, method="transport", n_draws=2)
    model, sets = read_model(tde_fitted, "tde", TDE), tde_fitted.uns["tde"]["sets"]
    z = tde_fitted.uns["tde"]["embedding"][sets.index.get_loc(ends[0])][None]
    for draw, end in enumerate(cells.uns["forecast"]["embedding"][0]):
        expected = model.transport(start.X, np.zeros(start.n_obs, dtype=int), z, end[None])[0]
        np.testing.assert_allclose(cells.X[cells.obs["draw"] == draw], expected, atol=1e-5)


def test_forecast_repeats_for_a_seed_and_differs_for_another(tde_fitted, ends):
    first, again, other = (tl.forecast(tde_fitted, ends[0], to=4, seed=seed).X for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_forecast_reports_the_spread_of_its_draws(tde_fitted, ends):
    names = list(ends)
    unsure = tl.forecast(tde_fitted, names, to=6, n_draws=50).uns["forecast"]
    z = unsure["embedding"]
    expected = np.sqrt(np.square(z - z.mean(axis=1, keepdims=True)).sum(axis=-1).mean(axis=1))
    np.testing.assert_allclose(unsure["sets"].loc[names, "spread"], expected, rtol=1e-4)
    tl.fit_predictor(tde_fitted, "ridge")
    sure = tl.forecast(tde_fitted, names, to=6, n_draws=5).uns["forecast"]["sets"]
    np.testing.assert_allclose(sure[["spread", "relative_spread"]], 0, atol=1e-6)


def test_forecast_flags_what_it_has_not_seen(tde_fitted, ends):
    pairs = tde_fitted.uns["tde"]["pairs"]
    names = pairs.loc[(pairs["split"] == "train") & (pairs["time_to"] == 4), "source"].tolist()
    assert tl.forecast(tde_fitted, names, to=4, n_draws=1).uns["forecast"]["sets"]["in_support"].all()
    assert not tl.forecast(tde_fitted, names, to=400, n_draws=1).uns["forecast"]["sets"]["in_support"].any()
    tde_fitted.uns["tde"]["embedding"] = np.asarray(tde_fitted.uns["tde"]["embedding"]) + 100
    assert not tl.forecast(tde_fitted, names, to=4, n_draws=1).uns["forecast"]["sets"]["in_support"].any()


def test_forecast_survives_files(tde_fitted, ends, round_trip):
    cells = tl.forecast(tde_fitted, ends[0], to=4, n_draws=2, n_times=3)
    again = round_trip(cells)
    np.testing.assert_array_equal(again.X, cells.X)
    pd.testing.assert_frame_equal(again.uns["forecast"]["sets"], cells.uns["forecast"]["sets"], check_dtype=False)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"source": "nobody"}, KeyError, r"`source` must name fitted sets, got \['nobody'\]"),
        ({"to": None}, ValueError, r"`to` must give a value for \['time'\], the covariates of the predictor, got None"),
        ({"to": {"dose": 1.0}}, ValueError, r"`to` must give a value for \['time'\], the covariates of the predictor"),
        ({"to": np.nan}, ValueError, "`to` must hold finite numbers, got nan for 'time'"),
        ({"to": "late"}, ValueError, "A time must be a number, got 'late'"),
        ({"n_draws": 0}, ValueError, "`n_draws` must be at least 1, got 0"),
        ({"method": "guess"}, ValueError, r"`method` must be one of \['mixture', 'identity', .*got 'guess'"),
        ({"decode": True}, ValueError, "`decode=True` needs a fit on"),
        ({"key": "nobody"}, KeyError, r"scgde\.tl\.fit_tde"),
    ],
)
def test_forecast_says_what_is_wrong(tde_fitted, ends, unchanged, options, error, match):
    with unchanged(tde_fitted), pytest.raises(error, match=match):
        tl.forecast(tde_fitted, **{"source": ends[0], "to": 4, **options})


def test_forecast_of_orphans_alone_says_that_there_are_no_pairs(tiny_tde):
    adata = datasets.clones(20, paired_fraction=0.0, unlabeled_fraction=0.0, n_features=4, seed=0)
    tl.fit_tde(adata, "clone", time_key="time", **tiny_tde)
    names = adata.uns["tde"]["sets"].index
    assert len(adata.uns["tde"]["pairs"]) == 0
    assert np.isfinite(tl.transport(adata, names[0], names[1]).X).all()
    with pytest.raises(RuntimeError, match=r"fitted on two pairs or more.*this fit has none"):
        tl.forecast(adata, names[0], to=6)


def test_a_covariate_of_classes_is_encoded_for_the_user(tiny_tde):
    adata = datasets.clones(20, paired_fraction=1.0, unlabeled_fraction=0, n_features=3, seed=0)
    adata.obs["drug"] = np.where(adata.obs["clone"].cat.codes % 2 == 0, "none", "imatinib")
    tl.fit_tde(adata, "clone", time_key="time", condition_keys=["drug"], **tiny_tde)
    pairs = adata.uns["tde"]["pairs"]
    assert {"drug=none", "drug=imatinib"} <= set(pairs)
    source = pairs["source"].iloc[0]
    cells = tl.forecast(adata, source, to={"time": 4, "drug": "imatinib"}, n_draws=2)
    assert np.isfinite(cells.X).all()
    with pytest.raises(ValueError, match=r"`to` must give a value for \['time', 'drug'\]"):
        tl.forecast(adata, source, to=4)
    with pytest.raises(ValueError, match=r"`drug` must be one of \['imatinib', 'none'\], as in the fit, got 'aspirin'"):
        tl.forecast(adata, source, to={"time": 4, "drug": "aspirin"})
