from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from scgde.sets._set_table import rows_of_cells, write_set_columns

COLUMNS = {
    "split": pd.Categorical(["train", "test", "train"], categories=["train", "validation", "test"]),
    "weight": np.array([0.5, 1.0, 1.5]),
    "n": [3, 1, 2],
    "note": np.array(["x", "y", "z"], dtype=object),
}


@pytest.fixture
def adata() -> ad.AnnData:
    """Ten cells of sets c, a and b, in this order in the table; the last cell is in none."""
    obs = pd.DataFrame({"gde_set": pd.Categorical([*"abcabcabc", None])}, index=[f"cell{i}" for i in range(10)])
    table = pd.DataFrame({"n_cells": [3, 3, 3]}, index=pd.Index(list("cab"), name="set"))
    return ad.AnnData(np.zeros((10, 2), dtype=np.float32), obs=obs, uns={"gde": {"sets": table}})


def write(adata, columns=COLUMNS):
    write_set_columns(adata, "gde", columns, set_column="gde_set")


def test_rows_of_cells_are_those_of_their_names(adata):
    table = adata.uns["gde"]["sets"]
    rows = rows_of_cells(adata.obs["gde_set"], table)
    assert table.index[rows[:9]].tolist() == adata.obs["gde_set"].tolist()[:9]
    assert rows[9] == -1


def test_rows_of_cells_of_sets_that_are_not_in_the_table_are_minus_one(adata):
    assert rows_of_cells(adata.obs["gde_set"], adata.uns["gde"]["sets"].drop("a")).tolist() == [-1, 1, 0] * 3 + [-1]


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_of_sets_are_written_for_each_cell_too(adata, name):
    write(adata)
    table = adata.uns["gde"]["sets"]
    assert table[name].tolist() == list(COLUMNS[name])
    assert list(table) == ["n_cells", *COLUMNS]
    inside = adata.obs["gde_set"].notna()
    expected = table[name].loc[adata.obs["gde_set"][inside]]
    assert adata.obs[name][inside].tolist() == expected.tolist()
    assert adata.obs[name].isna().tolist() == [False] * 9 + [True]


def test_written_columns_keep_their_categories(adata):
    write(adata)
    for column in (adata.uns["gde"]["sets"]["split"], adata.obs["split"]):
        assert column.cat.categories.tolist() == ["train", "validation", "test"]


@pytest.mark.parametrize("name", COLUMNS)
def test_written_columns_can_be_stored(adata, name, round_trip):
    write(adata, {name: COLUMNS[name]})
    read = round_trip(adata)
    assert read.uns["gde"]["sets"][name].tolist() == list(COLUMNS[name])
    inside = read.obs["gde_set"].notna()
    expected = read.uns["gde"]["sets"][name].loc[read.obs["gde_set"][inside]]
    assert read.obs[name][inside].tolist() == expected.tolist()
    assert read.obs[name].isna().tolist() == [False] * 9 + [True]


def test_columns_are_replaced_when_written_again(adata):
    write(adata)
    write(adata, {"weight": [1, 2, 3]})
    assert adata.uns["gde"]["sets"]["weight"].tolist() == [1, 2, 3]
    assert adata.obs["weight"].tolist()[:3] == [2, 3, 1]
    assert list(adata.uns["gde"]["sets"]) == ["n_cells", *COLUMNS]


def test_a_view_becomes_an_anndata_of_its_own(adata):
    view = adata[::-1]
    write(view)
    assert not view.is_view
    assert view.obs["n"].tolist()[1:4] == [3, 2, 1]  # of c, b and a
    assert list(adata.obs) == ["gde_set"]
    assert list(adata.uns["gde"]["sets"]) == ["n_cells"]


def test_booleans_of_sets_are_missing_for_cells_in_no_set():
    table = pd.DataFrame({"n_cells": [1, 1]}, index=["a", "b"])
    obs = pd.DataFrame({"gde_set": pd.Categorical(["a", None, "b"])}, index=["0", "1", "2"])
    adata = ad.AnnData(np.zeros((3, 1)), obs=obs, uns={"gde": {"sets": table}})
    write_set_columns(adata, "gde", {"is_large": [True, False]}, set_column="gde_set")
    assert adata.obs["is_large"].dtype == "boolean"
    assert adata.obs["is_large"].isna().tolist() == [False, True, False]
