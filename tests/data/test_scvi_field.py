from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scvi.data import AnnDataManager

from scgde.data import SET_KEY, SetField, set_codes, set_names

COLUMNS = {
    "strings": ["b", "a", None, "b"],
    "categories": pd.Categorical(["b", "a", None, "b"], categories=["z", "b", "a"]),
    "integers": pd.array([7, 3, None, 7], dtype="Int64"),
    "booleans": pd.array([True, False, None, True], dtype="boolean"),
}


def cells(column):
    obs = pd.DataFrame({"donor": column}, index=[f"cell{i}" for i in range(len(column))])
    return ad.AnnData(X=np.ones((len(column), 2), dtype=np.float32), obs=obs)


@pytest.fixture
def manager():
    manager = AnnDataManager(fields=[SetField("donor")], setup_method_args={})
    manager.register_fields(cells(COLUMNS["strings"]))
    return manager


def registered_names(manager):
    return list(manager.get_state_registry(SET_KEY)["names"])


@pytest.mark.parametrize("kind", COLUMNS)
def test_codes_point_to_names(kind):
    column = cells(COLUMNS[kind]).obs["donor"]
    names, codes = set_names(column), set_codes(column)
    assert codes.tolist()[2] == -1
    known = column.notna().to_numpy()
    assert [names[code] for code in codes[known]] == column[known].tolist()
    assert set(codes[known]) == set(range(len(names)))


def test_names_leave_out_unused_categories_and_keep_their_order():
    assert set_names(pd.Series(COLUMNS["categories"])).tolist() == ["b", "a"]


def test_field_registers_names(manager):
    assert registered_names(manager) == ["a", "b"]
    assert manager.summary_stats["n_sets"] == 2


def test_field_writes_no_column(manager):
    assert list(manager.adata.obs) == ["donor"]


def test_transfer_takes_the_sets_of_the_new_data(manager):
    new = cells(["x", "y", "b", "x"])
    transferred = manager.transfer_fields(new)
    assert registered_names(transferred) == ["b", "x", "y"]
    assert registered_names(manager) == ["a", "b"]
    assert list(new.obs) == ["donor"]


def test_field_refuses_an_absent_column():
    with pytest.raises(KeyError, match=r"`set_key` must name a column .* got 'clone'. Columns: \['donor'\]"):
        SetField("clone").register_field(cells(["a", "b"]))


def test_field_refuses_a_column_without_a_set():
    with pytest.raises(ValueError, match="must name the set of at least one cell, got missing values only"):
        SetField("donor").register_field(cells(np.array([None, None])))
