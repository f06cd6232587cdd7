from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scgde.sets import TimeScale
from scgde.sets._time_scale import check_times


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pd.Series([2, 4, 2]), [2, 4, 2]),
        (pd.Series([2.5, np.nan]), [2.5, np.nan]),
        (pd.Series(["4", "2", None], dtype=pd.CategoricalDtype(["2", "4"])), [4, 2, np.nan]),
        (pd.Series(["late", "early"], dtype=pd.CategoricalDtype(["early", "late"], ordered=True)), [1, 0]),
        (pd.Series([2, 6], dtype="category"), [2, 6]),
    ],
    ids=["numbers", "missing", "spelt", "ordered", "numeric categories"],
)
def test_time_scale_reads_numbers_and_ordered_labels(column, expected):
    np.testing.assert_array_equal(TimeScale.from_column(column).read(column), expected)


def test_time_scale_reads_one_time_as_a_label_or_a_number():
    scale = TimeScale.from_column(pd.Series(["2", "6"], dtype="category"))
    assert scale.number("6") == scale.number(6) == scale.number(6.0) == 6
    assert scale.number(4) == 4
    with pytest.raises(ValueError, match=r"A time must be a number or one of \['2', '6'\], got 'late'"):
        scale.number("late")


@pytest.mark.parametrize(
    "values",
    [["a", "b"], [True, False], pd.to_datetime(["2025-01-01", "2025-01-02"]), pd.to_timedelta([1, 2], unit="D")],
)
def test_time_scale_refuses_values_without_an_order(values):
    column = pd.Series(values, name="day")
    with pytest.raises(
        ValueError, match=r"a numeric or ordered column, got 'day' .* Convert it to numbers, such as days"
    ):
        TimeScale.from_column(column)


def test_check_times_says_what_is_wrong():
    with pytest.raises(ValueError, match="NaN or infinity in 2 of 3 cells"):
        check_times(np.array([2, np.nan, np.inf]), "day")
    with pytest.raises(ValueError, match=r"at least two times, got \[2.0\] in 'day'"):
        check_times(np.array([2.0, 2.0]), "day")
