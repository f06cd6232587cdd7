"""Fits of the preview of 0.1.0, whose tables have a column ``role`` with ``"held out"`` in place of ``split``."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scgde import datasets, tl


def with_old_columns(adata, key, **columns):
    """A copy whose tables of sets and pairs are those of the preview, with some columns of the user."""
    old = adata.copy()
    for name in {"sets", "pairs"} & set(old.uns[key]):
        table = old.uns[key][name]
        role = table["split"].cat.rename_categories({"test": "held out"})
        old.uns[key][name] = table.drop(columns="split").assign(role=role)
    old.uns[key]["sets"] = old.uns[key]["sets"].assign(**columns)
    return old


@pytest.fixture(scope="module")
def fitted_on_split(fit):
    """Sets of which some are held out."""
    adata = datasets.gaussian_sets(10, 16, 4, seed=0)
    code = adata.obs["set"].cat.codes
    adata.obs["part"] = np.select([code < 6, code < 8], ["train", "validation"], "test")
    fit(adata, split_key="part")
    return adata


#: Columns of the user's own, none of which says what the fit used a set for.
OWN = [{}, {"split": ["odd", "even"] * 5}, {"split": ["test"] * 5 + ["train"] * 5}]


@pytest.mark.parametrize("columns", OWN, ids=["none", "other values", "the same values"])
def test_old_fit_is_scored_on_the_sets_that_it_held_out(fitted_on_split, columns, unchanged, round_trip):
    old = round_trip(with_old_columns(fitted_on_split, "gde", **columns))
    with unchanged(old):
        scores = tl.score_generation(old)
    assert scores["set"].tolist() == ["set_8", "set_9"]
    pd.testing.assert_frame_equal(scores, tl.score_generation(fitted_on_split))


@pytest.mark.parametrize("columns", OWN, ids=["none", "other values", "the same values"])
def test_old_fit_is_interpolated_within_its_training_sets(fitted_on_split, columns):
    held_out = fitted_on_split.copy()
    embedding = held_out.uns["gde"]["embedding"].copy()
    embedding[9] += 100 * np.abs(embedding).max()
    held_out.uns["gde"]["embedding"] = embedding
    paths = [
        tl.interpolate(adata, "set_0", "set_9", n_steps=2, n_cells=2)
        for adata in (with_old_columns(held_out, "gde", **columns), held_out)
    ]
    assert paths[0].obs["in_support"].tolist() == [True, True, False, False]
    np.testing.assert_array_equal(paths[0].X, paths[1].X)
    pd.testing.assert_frame_equal(paths[0].obs, paths[1].obs)


def test_covariates_of_an_old_fit_are_not_what_it_used_each_set_for(fitted_on_split):
    old = with_old_columns(fitted_on_split, "gde")
    tables = [tl.associate(adata, n_permutations=9) for adata in (old, fitted_on_split)]
    pd.testing.assert_frame_equal(tables[0], tables[1])


def test_old_transport_is_evaluated_on_the_pairs_that_it_held_out(tde_fitted, unchanged, round_trip):
    options = {"n_draws": 2, "metric": "energy", "source_fit": "source"}
    expected = tl.evaluate_transport(tde_fitted, **options)
    old = round_trip(with_old_columns(with_old_columns(tde_fitted, "tde"), "source"))
    with unchanged(old):
        scores = tl.evaluate_transport(old, **options)
    pd.testing.assert_frame_equal(scores, expected, check_dtype=False)


def test_old_transport_learns_a_predictor_from_pairs_that_were_not_held_out(tde_fitted, ends):
    old = with_old_columns(tde_fitted, "tde")
    for adata in (old, tde_fitted):
        tl.fit_predictor(adata, "neighbors")
    forecasts = [tl.forecast(adata, ends[0], to=4, n_draws=3).X for adata in (old, tde_fitted)]
    np.testing.assert_array_equal(*forecasts)
