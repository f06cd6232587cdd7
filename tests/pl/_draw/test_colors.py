from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from scgde.pl._draw.colors import Categories, as_categories, rgba_of, stored_colors, values_of
from scgde.pl._draw.figure import COLORS, GREY


def test_values_of_rows_are_of_the_kind_of_the_whole_column():
    column = pd.Series(np.linspace(0, 1, 12))
    np.testing.assert_array_equal(values_of(column, None, np.array([3, 1])), column[[3, 1]])
    assert isinstance(values_of(column.iloc[[3, 1]], None), Categories)


@pytest.mark.parametrize("dtype", ["int64", "Int64", "float64"])
def test_classes_of_numbers_are_named_and_sorted_as_numbers(dtype):
    categories = as_categories(pd.Series([10, 2, 10, 4], dtype=dtype), None)
    assert categories.names == ["2", "4", "10"]
    assert categories.codes.tolist() == [2, 0, 2, 1]


def test_categories_that_do_not_occur_are_left_out_but_reserve_their_colours():
    column = pd.Series(pd.Categorical(["c", None, "a"], categories=["a", "b", "c"]))
    categories = as_categories(column, None)
    assert categories.names == ["a", "c"]
    assert categories.codes.tolist() == [1, -1, 0]
    assert [to_hex(color) for color in rgba_of(categories, "viridis", n_values=3)] == [
        COLORS[2].lower(),
        GREY,
        COLORS[0].lower(),
    ]


def test_stored_colors_name_classes_of_numbers_as_the_map_does(adata):
    adata.obs["day"] = np.resize([2.0, 4.0], adata.n_obs)
    adata.uns["day_colors"] = ["#111111", "#222222"]
    column = pd.Series([4.0, 2.0], name="day")
    assert stored_colors(adata, column) == {"2": "#111111", "4": "#222222"}
    assert as_categories(column, stored_colors(adata, column)).colors == ["#111111", "#222222"]
