"""What `fit_gde` learns, writes and repeats."""

from __future__ import annotations

import gc
import random
import re
import weakref

import numpy as np
import pandas as pd
import pytest
import torch

from scgde import datasets, tl
from scgde.metrics import energy_distance


def test_fit_gde_writes_what_it_documents_and_nothing_else(cells, fit):
    before = cells.copy()
    model = fit(cells, "donor")
    assert list(cells.obs) == [*before.obs, "gde_set"]
    assert list(cells.obsm) == ["X_gde"]
    assert set(cells.uns) == {*before.uns, "gde"}
    written = {"sets", "embedding", "fingerprint", "own_columns", "dropped", "params", "history", "model"}
    assert set(cells.uns["gde"]) == written
    assert list(cells.layers) == list(before.layers)
    np.testing.assert_array_equal(cells.X, before.X)
    assert cells.obsm["X_gde"].dtype == np.float32
    assert model.is_trained


def test_fit_gde_writes_each_cell_the_embedding_of_its_set(fitted):
    stored = fitted.uns["gde"]
    rows = stored["sets"].index.get_indexer(fitted.obs["gde_set"])
    np.testing.assert_array_equal(fitted.obsm["X_gde"], stored["embedding"][rows])


def test_fit_gde_table_holds_columns_constant_within_sets(cells, fit):
    cells.obs["age"] = cells.obs["donor"].str.len()
    fit(cells, "donor")
    table = cells.uns["gde"]["sets"]
    assert "age" in table
    assert "included" not in table
    assert table["n_cells"].tolist() == cells.obs["donor"].value_counts()[table.index].tolist()


def test_fit_gde_results_survive_a_round_trip(fitted, round_trip):
    back = round_trip(fitted)
    old, new = fitted.uns["gde"], back.uns["gde"]
    pd.testing.assert_frame_equal(new["sets"], old["sets"], check_names=False)
    pd.testing.assert_frame_equal(new["history"], old["history"], check_names=False)
    np.testing.assert_array_equal(new["embedding"], old["embedding"])
    np.testing.assert_array_equal(new["model"]["state"], old["model"]["state"])
    assert str(new["model"]["config"]) == old["model"]["config"]
    assert {name: value for name, value in new["params"].items() if not isinstance(value, dict)} == {
        name: value for name, value in old["params"].items() if not isinstance(value, dict)
    }


def test_fit_gde_params_repeat_the_fit(fitted, cells, tiny):
    params = {name: value for name, value in fitted.uns["gde"]["params"].items() if name != "version"}
    tl.fit_gde(cells, **params, accelerator="cpu", progress_bar=tiny["progress_bar"])
    np.testing.assert_array_equal(cells.obsm["X_gde"], fitted.obsm["X_gde"])


def test_fit_gde_params_leave_out_what_is_none(fitted):
    assert "layer" not in fitted.uns["gde"]["params"]


def test_fit_gde_leaves_no_trace_of_scvi(fitted):
    assert not [name for name in (*fitted.obs, *fitted.obsm, *fitted.uns) if "scvi" in name]


def test_fit_gde_lets_the_data_go(cells, fit):
    copy = cells.copy()
    fit(copy)
    adata, features = weakref.ref(copy), weakref.ref(copy.X)
    del copy
    gc.collect()
    assert adata() is None
    assert features() is None


def test_fit_gde_lets_the_data_go_when_it_fails(cells, fit):
    copy = cells.copy()
    features = weakref.ref(copy.X)
    with pytest.raises(ValueError, match="`encoder`"):
        fit(copy, encoder="unknown")
    del copy
    gc.collect()
    assert features() is None


def test_fit_gde_repeats_bit_for_bit(fitted, cells, fit):
    fit(cells, validation_fraction=0.2)
    np.testing.assert_array_equal(cells.uns["gde"]["model"]["state"], fitted.uns["gde"]["model"]["state"])
    np.testing.assert_array_equal(cells.obsm["X_gde"], fitted.obsm["X_gde"])
    pd.testing.assert_frame_equal(cells.uns["gde"]["history"], fitted.uns["gde"]["history"])


def test_fit_gde_differs_for_another_seed(fitted, cells, fit):
    fit(cells, validation_fraction=0.2, seed=1)
    assert np.abs(cells.obsm["X_gde"] - fitted.obsm["X_gde"]).max() > 1e-3


def test_fit_gde_does_not_depend_on_global_random_state(fitted, cells, fit):
    with torch.random.fork_rng(devices=[]):
        torch.rand(7)
        fit(cells, validation_fraction=0.2)
    np.testing.assert_array_equal(cells.obsm["X_gde"], fitted.obsm["X_gde"])


def test_fit_and_generate_leave_global_random_state_alone(cells, fit):
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    fit(cells, validation_fraction=0.2)
    tl.generate(cells, n_cells=5)
    assert torch.equal(torch.get_rng_state(), states[0])
    np.testing.assert_array_equal(np.random.get_state()[1], states[1])  # noqa: NPY002
    assert random.getstate() == states[2]


def test_fit_gde_logs_one_line_says_nothing_and_writes_no_file(cells, fit, tmp_path, monkeypatch, capfd, caplog):
    monkeypatch.chdir(tmp_path)
    fit(cells, validation_fraction=0.2)
    assert capfd.readouterr() == ("", "")
    assert [(record.name, record.levelname) for record in caplog.records] == [("scgde", "INFO")]
    assert not list(tmp_path.iterdir())


def test_fit_gde_shows_a_bar_with_the_validation_loss(cells, fit, capfd):
    fit(cells, validation_fraction=0.2, progress_bar=True)
    shown = capfd.readouterr().err
    assert "20/20" in shown
    assert re.search(r"validation \d.*, best \d.* at step \d+(, the last)?, on cpu", shown)


def test_fit_gde_test_sets_leave_no_trace_in_the_weights(cells, fit):
    names = cells.obs["donor"].unique()
    part = pd.Series(["train"] * 6 + ["validation"] * 2 + ["test"] * 2, index=names)
    cells.obs["split"] = cells.obs["donor"].map(part).astype("category")
    changed = cells.copy()
    test = (cells.obs["split"] == "test").to_numpy()
    changed.X[test] = 100 * changed.X[test] + 7
    for adata in (cells, changed):
        fit(adata, "donor", split_key="split")
    np.testing.assert_array_equal(cells.uns["gde"]["model"]["state"], changed.uns["gde"]["model"]["state"])
    np.testing.assert_array_equal(cells.obsm["X_gde"][~test], changed.obsm["X_gde"][~test])
    assert not np.allclose(cells.obsm["X_gde"][test], changed.obsm["X_gde"][test])
    split = cells.uns["gde"]["sets"]["split"].astype(str)
    assert (split[part.index] == part).all()


def test_fit_gde_validation_sets_choose_but_do_not_train(cells, fit):
    names = cells.obs["donor"].unique()
    part = pd.Series(["train"] * 7 + ["validation"] * 3, index=names)
    cells.obs["split"] = cells.obs["donor"].map(part).astype("category")
    changed = cells.copy()
    validation = (cells.obs["split"] == "validation").to_numpy()
    changed.X[validation] += 3
    for adata in (cells, changed):
        fit(adata, "donor", split_key="split")
    old, new = cells.uns["gde"]["history"], changed.uns["gde"]["history"]
    assert old["train_loss"].tolist() == new["train_loss"].tolist()
    assert old["validation_loss"].dropna().tolist() != new["validation_loss"].dropna().tolist()


def test_fit_gde_isometry_ties_latent_distance_to_distance_of_means(fit):
    adata = datasets.gaussian_sets(12, 20, 2, df=30, seed=1)  # narrow: sets differ in their means
    fit(adata, isometry=1.0, max_steps=100, sets_per_batch=12, validation_fraction=0)
    mean, z = adata.uns["truth"]["mean"], adata.uns["gde"]["embedding"]
    above = np.triu_indices(12, 1)
    true, found = (np.linalg.norm(points[:, None] - points, axis=-1)[above] for points in (mean, z))
    # Without the term the correlation is 0.4.
    assert np.corrcoef(found, true)[0, 1] > 0.75


@pytest.mark.slow
def test_fit_gde_learns_the_distribution_of_held_out_sets():
    adata = datasets.gaussian_sets(60, 60, 2, seed=0)
    names = adata.obs["set"].cat.categories
    held_out = names[:12]
    adata.obs["split"] = np.where(adata.obs["set"].isin(held_out), "test", "train")
    tl.fit_gde(
        adata,
        "set",
        split_key="split",
        max_steps=400,
        sets_per_batch=32,
        set_size=40,
        n_latent=8,
        progress_bar=False,
        accelerator="cpu",
        encoder_kwargs={"n_hidden": 32},
        generator_kwargs={"backbone_kwargs": {"n_hidden": 64}},
    )
    generated = tl.generate(adata, list(held_out), n_cells=100)
    pooled = adata[adata.obs["split"] == "train"].X[:: adata.n_obs // 200]
    ratio = [
        energy_distance(generated[generated.obs["set"] == name].X, true) / energy_distance(pooled, true)
        for name in held_out
        for true in [adata[adata.obs["set"] == name].X]
    ]
    assert np.mean(ratio) < 0.2


def test_fit_gde_draws_sets_by_their_weights(fit, cells):
    weights = pd.Series(np.geomspace(1, 1e9, 10), index=cells.obs["set"].cat.categories)
    fit(cells, set_weights=weights, validation_fraction=0)
    pd.testing.assert_series_equal(cells.uns["gde"]["sets"]["weight"], weights, check_names=False)
    weighted = cells.uns["gde"]["history"]["train_loss"]
    cells.obs["uniform"] = 1.0
    fit(cells, set_weights="uniform", validation_fraction=0)
    assert cells.uns["gde"]["params"]["set_weights"] == "uniform"
    assert not np.allclose(weighted, cells.uns["gde"]["history"]["train_loss"])


@pytest.mark.parametrize(
    ("weights", "error", "match"),
    [
        ("nothing", KeyError, "`set_weights` must name columns"),
        (
            "included",
            ValueError,
            "`set_weights` must name a column that is constant within sets, but 'included' varies in 10",
        ),
        (3.0, TypeError, "`set_weights` must be a column of `adata.obs` or a Series"),
        (pd.Series({"set_0": 1.0}), KeyError, "`set_weights` must hold a weight for each set"),
        (pd.Series(-1.0, index=[f"set_{i}" for i in range(10)]), ValueError, "`set_weights` must be positive"),
    ],
)
def test_fit_gde_refuses_weights_that_are_none(fit, cells, unchanged, weights, error, match):
    with unchanged(cells), pytest.raises(error, match=match):
        fit(cells, set_weights=weights)
