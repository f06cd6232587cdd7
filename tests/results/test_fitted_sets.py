from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scgde import datasets, tl
from scgde.model import GDE, TDE
from scgde.model._base_tde import BaseTDE
from scgde.results import FittedSets


@pytest.fixture
def read(fitted):
    return FittedSets.read(fitted, "gde")


def test_fitted_sets_are_those_of_the_fit(fitted, read, model):
    content = fitted.uns["gde"]
    pd.testing.assert_frame_equal(read.table, content["sets"])
    np.testing.assert_array_equal(read.embedding, content["embedding"])
    assert read.params == content["params"]
    for i, name in enumerate(read.table.index):
        np.testing.assert_array_equal(read.index.rows(i), np.flatnonzero(fitted.obs["gde_set"] == name))
    weights, found = model.module.state_dict(), read.model.module.state_dict()
    assert weights.keys() == found.keys()
    for name, value in weights.items():
        np.testing.assert_array_equal(found[name], value)


def test_fitted_model_and_cells_give_the_stored_embedding(read):
    embedding = read.model.embed_store(read.cells.encoder.store, read.index)
    np.testing.assert_allclose(embedding, read.embedding, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("all_rows", [True, False])
def test_observed_cells_are_rows_in_any_order_which_may_repeat(fitted, all_rows):
    read = FittedSets.read(fitted, "gde", all_rows=all_rows)
    rows = np.array([7, 0, 7, 31])
    np.testing.assert_array_equal(read.observed(rows), fitted.X[rows])


def test_ground_is_in_standard_deviations_of_the_training_cells(fitted, read):
    train = read.split.index[read.split == "train"]
    x = np.asarray(fitted.X[fitted.obs["gde_set"].isin(train)], dtype=float)
    rows = np.arange(fitted.n_obs)
    ground = read.ground(rows)
    assert ground.dtype == np.float64
    differences = np.diff(np.asarray(fitted.X, dtype=float), axis=0) / x.std(axis=0)
    np.testing.assert_allclose(np.diff(ground, axis=0), differences, rtol=1e-4, atol=1e-6)


def test_cells_that_are_read_and_modelled_are_opened_once_where_they_are_one(read):
    assert read.cells.encoder is read.cells.target


def test_cells_that_are_read_and_modelled_can_differ(cells, fit):
    fit(cells, use_rep="X_rep", generate="X")
    read = FittedSets.read(cells, "gde", GDE)
    rows = np.array([3, 1])
    np.testing.assert_array_equal(read.cells.encoder.store.rows(rows), cells.obsm["X_rep"][rows])
    np.testing.assert_array_equal(read.observed(rows), cells.X[rows])
    assert read.ground(rows).shape == (2, 4)


def test_fitted_sets_of_whole_sets_in_another_order_are_the_same_cells(fitted, read):
    order = np.random.default_rng(0).permutation(fitted.n_obs)
    part = fitted[order[fitted.obs["gde_set"].cat.codes.to_numpy()[order] % 2 == 1]].copy()
    other = FittedSets.read(part, "gde")
    assert other.table.index.tolist() == read.table.index[1::2].tolist()
    np.testing.assert_array_equal(other.embedding, read.embedding[1::2])
    for i in range(other.index.n_sets):
        assert set(part.obs_names[other.index.rows(i)]) == set(fitted.obs_names[read.index.rows(2 * i + 1)])


def test_fitted_sets_must_have_all_of_their_cells(fitted):
    name = fitted.obs["gde_set"].iloc[0]
    message = rf"must hold all cells of its sets, as they were embedded, but 1 sets have others now: \['{name}'\]"
    with pytest.raises(ValueError, match=message):
        FittedSets.read(fitted[1:].copy(), "gde")


def test_rows_of_are_those_of_the_names(read):
    names = read.table.index[[4, 0, 4]]
    assert read.rows_of(names, "sets").tolist() == [4, 0, 4]
    assert read.rows_of(str(names[0]), "sets").tolist() == [4]
    with pytest.raises(KeyError, match=r"`sets` must name fitted sets, got \['nobody'\]"):
        read.rows_of(["nobody"], "sets")


def test_split_is_what_the_fit_used_each_set_for(read):
    assert read.split.value_counts().to_dict() == {"train": 8, "validation": 2, "test": 0}


def test_sets_that_were_embedded_without_a_fit_have_no_split(fitted, cells):
    tl.embed(cells, fitted)
    assert FittedSets.read(cells, "gde").split is None
    cells.obs["split"] = np.where(cells.obs["set"].cat.codes < 5, "train", "test")  # of the user
    tl.embed(cells, fitted)
    assert FittedSets.read(cells, "gde").split is None


def _split_of(fitted, **columns):
    table = fitted.uns["gde"]["sets"].drop(columns="split").assign(**columns)
    old = {name: entry for name, entry in fitted.uns["gde"].items() if name not in ("own_columns", "fingerprint")}
    fitted.uns["gde"] = {**old, "sets": table}
    return FittedSets.read(fitted, "gde").split


ROLES = ["held out", "train"] * 5


@pytest.mark.parametrize("columns", [{}, {"split": ["odd", "even"] * 5}], ids=["none", "of the user"])
def test_split_of_the_preview_has_the_present_names(fitted, columns):
    assert _split_of(fitted, **columns, role=pd.Categorical(ROLES)).tolist() == ["test", "train"] * 5


def test_column_of_the_user_called_role_is_no_split(fitted):
    columns = {"role": ["case", "control"] * 5, "split": ["train", "test"] * 5}
    assert _split_of(fitted, **columns).tolist() == ["train", "test"] * 5
    assert _split_of(fitted, role=columns["role"]) is None


def test_fitted_sets_are_the_same_after_a_round_trip(fitted, read, round_trip):
    back = FittedSets.read(round_trip(fitted), "gde")
    rows = np.arange(fitted.n_obs)
    np.testing.assert_array_equal(back.ground(rows), read.ground(rows))
    np.testing.assert_array_equal(back.embedding, read.embedding)
    np.testing.assert_array_equal(back.index.sizes, read.index.sizes)


def test_fitted_sets_say_what_is_wrong(fitted):
    with pytest.raises(KeyError, match=r"`adata.uns\['other'\]` must hold .*`scgde.tl.fit_gde` writes"):
        FittedSets.read(fitted, "other")
    with pytest.raises(KeyError, match=r"`scgde.tl.fit_tde` writes"):
        FittedSets.read(fitted, "other", TDE)
    with pytest.raises(ValueError, match=r"must hold a fit of `scgde.tl.fit_tde`, got one of `scgde.tl.fit_gde`"):
        FittedSets.read(fitted, "gde", TDE)
    with pytest.raises(KeyError, match="1 are missing"):
        FittedSets.read(fitted[:, 1:].copy(), "gde")


def test_fitted_sets_are_of_any_class_of_model_by_default(tiny):
    options = {name: value for name, value in tiny.items() if name != "generator_kwargs"}
    adata = datasets.clones(12, paired_fraction=0.5, n_features=3, seed=0)
    tl.fit_tde(adata, "clone", time_key="time", **options | {"min_cells": 1, "max_steps": 2})
    assert isinstance(FittedSets.read(adata, "tde").model, BaseTDE)
