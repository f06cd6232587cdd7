from __future__ import annotations

import anndata as ad
import numpy as np
import pytest

import scgde
from scgde import tl

TINY = {
    "n_latent": 4,
    "min_cells": 1,
    "max_steps": 30,
    "sets_per_batch": 8,
    "set_size": 8,
    "progress_bar": False,
    "accelerator": "cpu",
    "encoder_kwargs": {"n_hidden": 16},
    "transport_kwargs": {"n_steps": 4, "backbone_kwargs": {"n_hidden": 16, "n_layers": 1}},
}


@pytest.fixture(scope="module")
def clones():
    return scgde.datasets.clones(60, paired_fraction=0.5, n_features=3, seed=0)


@pytest.fixture(scope="module")
def fitted(clones):
    adata = clones.copy()
    tl.fit_tde(adata, "clone", time_key="time", predictor="neighbors", scaling="common", **TINY)
    return adata


def test_fit_tde_pairs_consecutive_times_of_one_clone(fitted):
    pairs, sets = fitted.uns["tde"]["pairs"], fitted.uns["tde"]["sets"]
    source, target = sets.loc[pairs["source"]], sets.loc[pairs["target"]]
    assert len(pairs) > 10
    assert source["clone"].tolist() == target["clone"].tolist()
    assert (source["time"].astype(int).to_numpy() < target["time"].astype(int).to_numpy()).all()
    orphans = sets.index.difference([*pairs["source"], *pairs["target"]])
    assert len(orphans) > 0


def test_fit_tde_holds_out_clones_whole(fitted):
    sets = fitted.uns["tde"]["sets"]
    assert (sets.groupby("clone", observed=True)["role"].nunique() == 1).all()
    assert set(sets["role"]) == {"train", "validation"}


def test_transport_moves_the_cells_of_the_source(fitted):
    pair = fitted.uns["tde"]["pairs"].iloc[0]
    moved = tl.transport(fitted, pair["source"], pair["target"], n_times=3)
    source = fitted[fitted.obs["tde_set"] == pair["source"]]
    start, end = (moved[moved.obs["t"] == time] for time in (0.0, 1.0))
    np.testing.assert_allclose(np.asarray(start.X), np.asarray(source.X), rtol=1e-5, atol=1e-5)
    assert end.n_obs == source.n_obs
    assert not np.allclose(np.asarray(end.X), np.asarray(source.X), atol=1e-3)
    assert set(moved.obs["target_set"]) == {pair["target"]}


def test_transport_survives_h5ad(fitted, tmp_path):
    pair = fitted.uns["tde"]["pairs"].iloc[0]
    fitted.write_h5ad(tmp_path / "fitted.h5ad")
    again = ad.read_h5ad(tmp_path / "fitted.h5ad")
    here, there = (tl.transport(adata, pair["source"], pair["target"]) for adata in (fitted, again))
    np.testing.assert_array_equal(np.asarray(here.X), np.asarray(there.X))


@pytest.mark.parametrize("predictor", ["ridge", "neighbors", "kernel"])
def test_forecast_is_the_same_for_one_seed(clones, predictor):
    adata = clones.copy()
    tl.fit_tde(adata, "clone", time_key="time", predictor=predictor, **TINY)
    source = adata.uns["tde"]["pairs"]["source"].iloc[0]
    first, second = (tl.forecast(adata, source, to=6, n_draws=2, seed=3) for _ in range(2))
    np.testing.assert_array_equal(np.asarray(first.X), np.asarray(second.X))
    n_cells = (adata.obs["tde_set"] == source).sum()
    assert np.isfinite(np.asarray(first.X)).all()
    assert (first.obs["t"] == 1).sum() == 2 * n_cells


def test_evaluate_transport_finds_the_identity_by_hand(fitted):
    scores = tl.evaluate_transport(fitted, n_draws=2, n_cells=50, metric="energy")
    assert {"identity", "pooled targets"} < set(scores["forecast"])
    identity = scores[scores["forecast"] == "identity"].head(4)
    by_hand = []
    for _, row in identity.iterrows():
        ends = [np.asarray(fitted[fitted.obs["tde_set"] == row[end]].X) for end in ("source", "target")]
        by_hand.append(scgde.metrics.energy_distance(*ends))
    # In the units of the fit, a common factor.
    ratio = identity["value"].to_numpy() / np.array(by_hand)
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-3)


def test_fit_tde_without_pairs_trains_and_forecast_says_what_is_missing(clones):
    adata = clones.copy()
    tl.fit_tde(adata, ["clone", "time"], **TINY)
    source = adata.uns["tde"]["sets"].index[0]
    with pytest.raises(RuntimeError, match=r"predictor|pairs"):
        tl.forecast(adata, source)


def test_transport_refuses_sets_that_are_not_there(fitted):
    known = fitted.uns["tde"]["sets"].index[0]
    with pytest.raises(KeyError, match="`target` must name fitted sets"):
        tl.transport(fitted, known, "nobody")
    with pytest.raises(ValueError, match="`source` and `target` must differ"):
        tl.transport(fitted, known, known)


def test_fit_tde_refuses_one_time_only_and_leaves_adata(clones):
    adata = clones[clones.obs["time"] == clones.obs["time"].iloc[0]].copy()
    before = set(adata.uns), list(adata.obs.columns)
    with pytest.raises(ValueError, match="time"):
        tl.fit_tde(adata, "clone", time_key="time", **TINY)
    assert (set(adata.uns), list(adata.obs.columns)) == before
