from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from scgde import datasets, tl
from scgde.model import TDE
from scgde.results import read_model

if TYPE_CHECKING:
    import anndata as ad

TINY_TDE = {
    "n_latent": 4,
    "min_cells": 1,
    "max_steps": 20,
    "sets_per_batch": 8,
    "set_size": 8,
    "progress_bar": False,
    "accelerator": "cpu",
    "encoder_kwargs": {"n_hidden": 16},
    "transport_kwargs": {"n_steps": 4, "backbone_kwargs": {"n_hidden": 16, "n_layers": 1}},
}


def fit(adata: ad.AnnData, groupby: str = "clone", **options) -> TDE:
    return tl.fit_tde(adata, groupby, **{**copy.deepcopy(TINY_TDE), "time_key": "time", **options})


def clones() -> ad.AnnData:
    """Clones of which half are seen at every time; a third of them is held out, and a tenth validates."""
    adata = datasets.clones(30, paired_fraction=0.5, unlabeled_fraction=0.05, n_features=4, seed=0)
    number = adata.obs["clone"].cat.codes
    adata.obs["split"] = np.select([number % 3 == 0, number % 10 == 1], ["test", "validation"], "train")
    adata.obs["dose"] = adata.obs["time"].astype(float) / 2
    return adata


@pytest.fixture(scope="module")
def fitted_once() -> ad.AnnData:
    adata = clones()
    fit(adata, split_key="split")
    return adata


@pytest.fixture
def fitted(fitted_once) -> ad.AnnData:
    return fitted_once.copy()


def test_fit_tde_writes_sets_pairs_and_a_model(fitted):
    content = fitted.uns["tde"]
    sets, pairs = content["sets"], content["pairs"]
    own = {"fingerprint", "own_columns"}
    assert set(content) == {"sets", "embedding", "params", "history", "model", "pairs"} | own
    assert content["embedding"].shape == (len(sets), 4)
    assert fitted.obsm["X_tde"].shape == (fitted.n_obs, 4)
    assert set(pairs["source"]) | set(pairs["target"]) <= set(sets.index)
    assert (sets.loc[pairs["source"], "clone"].to_numpy() == sets.loc[pairs["target"], "clone"].to_numpy()).all()
    assert list(pairs) == ["source", "target", "group", "time_from", "time_to", "split"]


def test_fit_tde_survives_files(fitted, round_trip):
    again = round_trip(fitted)
    pd.testing.assert_frame_equal(again.uns["tde"]["pairs"], fitted.uns["tde"]["pairs"], check_dtype=False)
    source = fitted.uns["tde"]["pairs"]["source"].iloc[0]
    first, second = (tl.forecast(part, source, to=6, n_draws=2).X for part in (fitted, again))
    np.testing.assert_array_equal(first, second)


def test_fit_tde_repeats_for_a_seed():
    first, again = clones(), clones()
    for adata in (first, again):
        fit(adata)
    np.testing.assert_array_equal(first.uns["tde"]["embedding"], again.uns["tde"]["embedding"])


def test_fit_tde_is_blind_to_held_out_groups(fitted):
    adata = clones()
    test = (adata.obs["split"] == "test").to_numpy()
    adata.X[test] = 100 * adata.X[test] - 7
    fit(adata, split_key="split")
    before, after = read_model(fitted, "tde", TDE).to_stored().state, read_model(adata, "tde", TDE).to_stored().state
    assert before.keys() == after.keys()
    for name in before:
        np.testing.assert_array_equal(before[name], after[name])


def test_fit_tde_learns_from_held_out_sets_when_transductive_but_not_from_their_pairs(fitted):
    adata = clones()
    model = fit(adata, split_key="split", transductive=True)
    pairs = adata.uns["tde"]["pairs"]
    held = pairs["split"] == "test"
    assert held.any()
    assert (held == (fitted.uns["tde"]["pairs"]["split"] == "test")).all()
    # The column "split" is the user's.
    assert (adata.uns["tde"]["sets"]["tde_split"] != "test").all()
    assert len(model.predictor.arrays["targets"]) == (~held).sum()
    assert not np.allclose(model.module.transform.center, read_model(fitted, "tde", TDE).module.transform.center)


def test_fit_tde_predictor_learns_from_pairs_that_are_not_held_out(fitted):
    pairs = fitted.uns["tde"]["pairs"]
    assert len(read_model(fitted, "tde", TDE).predictor.arrays["targets"]) == (pairs["split"] != "test").sum()


def test_fit_tde_keeps_groups_together_in_a_random_split():
    adata = clones()
    fit(adata, validation_fraction=0.3)
    sets = adata.uns["tde"]["sets"]
    assert (sets["split"] == "validation").any()
    assert len(sets[["clone", "split"]].drop_duplicates()) == sets["clone"].nunique()


def test_fit_tde_takes_named_pairs_and_covariates():
    adata = clones()
    adata.obs["population"] = adata.obs["clone"].astype(str) + "_" + adata.obs["time"].astype(str)
    adata.obs.loc[adata.obs["clone"].isna(), "population"] = np.nan
    fit(adata)
    pairs = adata.uns["tde"]["pairs"][["source", "target"]].map(lambda name: name.replace("|", "_"))
    fit(adata, "population", time_key=None, pairs=pairs.to_numpy(), condition_keys=["dose"], key_added="named")
    named = adata.uns["named"]["pairs"]
    assert (named["dose"].to_numpy() == adata.uns["tde"]["pairs"]["time_to"].to_numpy() / 2).all()
    assert tl.forecast(adata, pairs["source"].iloc[0], to=2.0, n_draws=2, key="named").n_obs > 0


def test_fit_tde_without_pairs_transports_any_set_to_any_other():
    adata = clones()
    fit(adata, time_key=None)
    names = adata.uns["tde"]["sets"].index
    assert len(adata.uns["tde"]["pairs"]) == 0
    assert np.isfinite(tl.transport(adata, names[0], names[1]).X).all()
    with pytest.raises(RuntimeError, match=r"A forecast needs a predictor.*this fit has none.*Fit with `time_key`"):
        tl.forecast(adata, names[0])


@pytest.mark.parametrize("options", [{"condition": "lookup"}, {"transport": "energy", "transport_kwargs": None}])
def test_fit_tde_takes_other_conditions_and_transports(options):
    adata = clones()
    fit(adata, **options)
    pair = adata.uns["tde"]["pairs"].iloc[0]
    assert np.isfinite(tl.transport(adata, pair["source"], pair["target"]).X).all()


def test_fit_tde_conditioned_on_the_source_forecasts_without_a_predictor():
    adata = clones()
    model = fit(adata, condition="source")
    pair = adata.uns["tde"]["pairs"].iloc[0]
    assert model.predictor is None
    forecast = tl.forecast(adata, pair["source"], to=4)
    assert forecast.n_obs == (adata.obs["tde_set"] == pair["source"]).sum()
    with pytest.raises(ValueError, match=r"Call `scgde\.tl\.forecast`"):
        tl.transport(adata, pair["source"], pair["target"])


def test_embed_with_a_fitted_transport_serves_new_clones(fitted):
    new = clones()[np.asarray(fitted.obs["split"] == "test")].copy()
    tl.embed(new, fitted, key="tde")
    old = pd.DataFrame(fitted.uns["tde"]["embedding"], index=fitted.uns["tde"]["sets"].index)
    names = new.uns["tde"]["sets"].index.intersection(old.index)
    found = pd.DataFrame(new.uns["tde"]["embedding"], index=new.uns["tde"]["sets"].index)
    np.testing.assert_allclose(found.loc[names], old.loc[names], atol=1e-5)
    assert tl.forecast(new, names[0], to=6, n_draws=2).n_obs > 0


def test_generate_says_that_a_transport_is_no_generator(fitted):
    with pytest.raises(ValueError, match=r"`adata.uns\['tde'\]` must hold a fit of `scgde.tl.fit_gde`, got"):
        tl.generate(fitted, key="tde")


@pytest.mark.parametrize("name", ["neighbors", "ridge"])
def test_fit_predictor_replaces_the_predictor_alone(fitted, name):
    before = read_model(fitted, "tde", TDE)
    tl.fit_predictor(fitted, name)
    after = read_model(fitted, "tde", TDE)
    assert type(after.predictor).__name__.lower() == name
    weights = before.module.state_dict()
    assert weights.keys() == after.module.state_dict().keys()
    for weight, value in after.module.state_dict().items():
        np.testing.assert_array_equal(value, weights[weight])


def _torn(adata):
    adata.obs["torn"] = np.where(adata.obs["time"] == 2, "train", "test")
    return {"split_key": "torn"}


def _torn_pair(adata):
    adata.obs["torn"] = np.where(adata.obs["fate"] == "fate_0", "test", "train")
    return {"groupby": "fate", "time_key": None, "pairs": [("fate_0", "fate_1")], "split_key": "torn"}


def _nan_times(adata):
    adata.obs["time"] = adata.obs["time"].astype(float).where(np.arange(adata.n_obs) % 7 > 0)
    return {}


def _one_time(adata):
    adata.obs["time"] = 2
    return {}


def _unordered(adata):
    adata.obs["time"] = adata.obs["time"].map({2: "a", 4: "b", 6: "c"})
    return {}


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        (_torn, ValueError, "`split_key` must have one value for all sets of a group"),
        (
            _torn_pair,
            ValueError,
            r"for all sets of a group, but 'torn' divides \['fate_0', 'fate_1'\]",
        ),
        (_nan_times, ValueError, "must hold a time for each cell of a group, got NaN"),
        (_one_time, ValueError, "`time_key` must have at least two times"),
        (_unordered, ValueError, "`time_key` must name a numeric or ordered column"),
        (lambda _: {"time_key": "nobody"}, KeyError, "`time_key` must name columns"),
        (lambda _: {"time_key": "clone"}, ValueError, "`time_key` must not be a column of `groupby`"),
        (lambda _: {"pairs": [("a", "b")]}, ValueError, "`time_key` and `pairs` exclude each other"),
        (lambda _: {"time_key": None, "pairs": [("nobody", "b")]}, KeyError, "`pairs` must name sets, got"),
        (
            lambda _: {"time_key": None, "pairs": [("clone_01", "clone_01")]},
            ValueError,
            "`pairs` must be of two sets each, got 'clone_01' with itself",
        ),
        (lambda _: {"time_key": None, "pairs": []}, ValueError, r"`pairs` must name a source and a target each"),
        (lambda _: {"min_cells": 10_000}, ValueError, "sets"),
        (lambda _: {"transport": "nobody"}, ValueError, "`transport` must be one of"),
        (lambda _: {"coupling": "nobody"}, ValueError, "`coupling` must be one of"),
        (lambda _: {"pair_fraction": 2}, ValueError, r"`pair_fraction` must be a number in \[0, 1\]"),
        (lambda _: {"predictor": "nobody"}, ValueError, "`predictor` must be one of"),
        (lambda _: {"predictor_kwargs": {"nobody": 1}}, TypeError, "`predictor_kwargs` must be options of Kernel"),
        (lambda _: {"condition": "nobody"}, ValueError, "`condition` must be one of"),
        (
            lambda _: {"condition_keys": ["fate"]},
            ValueError,
            "`condition_keys` must name a column that is constant within sets, but 'fate' varies in 45",
        ),
        (
            lambda _: {"pair_weights": [1.0]},
            ValueError,
            "`pair_weights` must be a positive number for each of 29 pairs",
        ),
        (
            lambda _: {"time_key": None, "condition": "source"},
            ValueError,
            "must hold one of `pairs`, as `pair_fraction` is 1",
        ),
    ],
)
def test_fit_tde_says_what_is_wrong_and_leaves_the_data_alone(unchanged, change, error, match):
    adata = clones()
    options = change(adata)
    with unchanged(adata), pytest.raises(error, match=match):
        fit(adata, **options)
