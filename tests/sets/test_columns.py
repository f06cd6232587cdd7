from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scgde.sets._columns import first_cells, per_set_column, writable

NAMES = pd.Index(["a", "b", "c", "d"])
#: Set c has no cells, two cells are in no set.
CODES = np.array([1, -1, 0, 1, 3, 3, -1, 0])


def column_of(values, codes=CODES):
    obs = pd.DataFrame({"x": values}, index=[f"cell{i}" for i in range(len(codes))])
    return per_set_column(obs, codes, NAMES, "x", "label_key")


def test_first_cells_of_sets_with_and_without_cells():
    assert first_cells(CODES, 4).tolist() == [2, 0, -1, 4]


@pytest.mark.parametrize(
    "of_sets",
    [
        [1.5, -2.0, np.nan, 0.25],
        ["u", "v", None, "w"],
        pd.Categorical(["u", "v", None, "w"], categories=["w", "v", "u", "z"]),
        pd.array([3, 1, None, 2], dtype="Int64"),
        pd.array([True, False, None, True], dtype="boolean"),
    ],
    ids=["numbers", "text", "categories", "nullable integers", "nullable truth values"],
)
def test_per_set_column_is_the_value_of_the_cells(of_sets):
    values = pd.Series(of_sets)
    column = column_of(values.iloc[np.where(CODES >= 0, CODES, 0)].array)
    assert column.index.equals(NAMES)
    assert column.name == "x"
    assert column.isna().tolist() == [False, False, True, False]
    assert column.dropna().astype(str).tolist() == values.dropna().astype(str).tolist()


def test_per_set_column_keeps_the_order_of_categories():
    values = pd.Categorical(["u", "v", "v", "u"], categories=["v", "z", "u"], ordered=True)
    column = per_set_column(pd.DataFrame({"x": values}), np.array([0, 1, 1, 0]), NAMES[:2], "x", "label_key")
    assert column.cat.ordered
    assert column.cat.categories.tolist() == ["v", "u"]


def test_per_set_column_ignores_cells_in_no_set():
    values = np.where(CODES >= 0, CODES, 100 + np.arange(8)).astype(float)
    np.testing.assert_array_equal(column_of(values), [0, 1, np.nan, 3])


def test_per_set_column_takes_a_missing_value_as_a_value():
    assert column_of(np.full(8, np.nan)).isna().all()
    with pytest.raises(ValueError, match=r"but 'x' varies in 1, such as \['a'\]"):
        column_of([1.0, 1, np.nan, 1, 1, 1, 1, 1])


def test_per_set_column_refuses_a_column_that_varies_and_names_the_sets():
    message = (
        r"`label_key` must name a column that is constant within sets, but 'x' varies in 2, such as \['b', 'd'\]. "
        r"Give all cells of a set one value."
    )
    with pytest.raises(ValueError, match=message):
        column_of([1, 0, 5, 2, 3, 4, 0, 5])


def test_per_set_column_refuses_a_missing_column():
    obs = pd.DataFrame({"x": np.zeros(8)})
    with pytest.raises(KeyError, match=r"`split_key` must name columns of `adata.obs`, got \['y'\]. Columns: \['x'\]"):
        per_set_column(obs, CODES, NAMES, "y", "split_key")


def test_per_set_column_is_of_a_type_that_files_hold():
    days = pd.Series(pd.to_datetime(["2024-01-01", "2024-01-02", None, "2024-01-03"]))
    column = column_of(days.iloc[np.where(CODES >= 0, CODES, 0)].array)
    assert isinstance(column.dtype, pd.CategoricalDtype)
    assert column.dropna().tolist() == ["2024-01-01", "2024-01-02", "2024-01-03"]


@pytest.mark.parametrize(
    ("column", "dtype"),
    [
        (pd.Series([1, 2]), np.int64),
        (pd.Series([1.5, None], dtype="Float64"), np.float64),
        (pd.Series(["a", "b"], dtype=object), object),
        (pd.Series([("a", 1), None]), "category"),
        (pd.Series([pd.Interval(0, 1), pd.Interval(1, 2)]), "category"),
    ],
    ids=["integers", "nullable floats", "text", "tuples", "intervals"],
)
def test_writable_changes_only_what_files_cannot_hold(column, dtype):
    found = writable(column)
    assert found.dtype == dtype
    assert found.isna().tolist() == column.isna().tolist()
    assert found.dropna().astype(str).tolist() == column.dropna().astype(str).tolist()
