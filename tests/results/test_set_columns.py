from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scgde import get
from scgde.results import set_column


def test_set_column_is_that_of_the_set_table(fitted):
    table = fitted.uns["gde"]["sets"]
    pd.testing.assert_series_equal(set_column(fitted, "n_cells", "keys", "gde"), table["n_cells"])


def test_set_column_of_a_column_added_to_the_cells_since_is_in_the_order_of_the_sets(fitted):
    order = np.random.default_rng(0).permutation(fitted.n_obs)
    shuffled = fitted[order].copy()
    shuffled.obs["length"] = [10 * int(name.split("_")[1]) for name in shuffled.obs["gde_set"]]
    column = set_column(shuffled, "length", "keys", "gde")
    assert column.index.equals(fitted.uns["gde"]["sets"].index)
    assert column.tolist() == [10 * int(name.split("_")[1]) for name in column.index]


def test_set_column_is_that_of_sets_with_cells(fitted):
    first = fitted.uns["gde"]["sets"].index[0]
    rest = fitted[fitted.obs["gde_set"] != first].copy()
    rest.obs["late"] = "a"
    for name in ("late", "split"):
        column = set_column(rest, name, "keys", "gde")
        assert column.index.tolist() == fitted.uns["gde"]["sets"].index[1:].tolist()


@pytest.mark.parametrize("name", ["split", "weight"])
def test_set_column_of_the_user_comes_before_that_of_the_fit_of_the_same_name(fitted, name):
    own = np.linspace(0, 1, 10)
    fitted.uns["gde"]["sets"][name] = own
    assert set_column(fitted, name, "keys", "gde").tolist() == own.tolist()
    fitted.obs[name] = fitted.obs["set"].cat.codes.to_numpy() % 3
    assert set_column(fitted, name, "keys", "gde").tolist() == [i % 3 for i in range(10)]


def test_set_column_of_the_cells_comes_before_that_of_the_set_table(fitted):
    """Labels are corrected there."""
    fitted.uns["gde"]["sets"]["stage"] = np.arange(10)
    assert set_column(fitted, "stage", "keys", "gde").tolist() == list(range(10))
    fitted.obs["stage"] = fitted.obs["set"].cat.codes.to_numpy() % 2
    assert set_column(fitted, "stage", "keys", "gde").tolist() == [0, 1] * 5


def test_set_column_of_text_for_missing_values_is_missing(fitted):
    text = np.array(["1.5", "NA", "3", "", "7"] * 2, dtype=object)
    fitted.obs["stage"] = text[fitted.obs["set"].cat.codes]
    np.testing.assert_array_equal(set_column(fitted, "stage", "keys", "gde"), [1.5, np.nan, 3, np.nan, 7] * 2)
    fitted.obs["stage"] = np.where(fitted.obs["stage"] == "7", "late", fitted.obs["stage"])
    column = set_column(fitted, "stage", "keys", "gde")
    assert column.isna().tolist() == [False, True, False, True, False] * 2
    assert column.iloc[4] == "late"


def test_set_column_of_sets_as_observations_is_that_of_obs(fitted):
    sets = get.sets(fitted)
    pd.testing.assert_series_equal(set_column(sets, "split", "keys", None), sets.obs["split"])


@pytest.mark.parametrize("name", ["varies", "split"])
def test_set_column_must_be_constant_within_sets(fitted, name):
    fitted.obs[name] = np.arange(fitted.n_obs) % 2
    message = rf"`keys` must name a column that is constant within sets, but '{name}' varies in 10, such as \['set_0'"
    with pytest.raises(ValueError, match=message):
        set_column(fitted, name, "keys", "gde")


@pytest.mark.parametrize("key", ["gde", None])
def test_set_column_must_be_there(fitted, key):
    adata = fitted if key else get.sets(fitted)
    message = r"`keys` must name a column of the set table or of `adata.obs`, got 'x'. Columns: \['set', .*'split'"
    with pytest.raises(KeyError, match=message):
        set_column(adata, "x", "keys", key)
