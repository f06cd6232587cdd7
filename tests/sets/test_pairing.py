from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scgde.sets._pairing import TimeScale, check_times, consecutive_pairs, named_pairs


@pytest.fixture
def table() -> pd.DataFrame:
    """Clone a at days 2, 4, 6; b at 2 and 6; c, an orphan, at 4."""
    rows = [("a", 6), ("a", 2), ("b", 6), ("c", 4), ("a", 4), ("b", 2)]
    return pd.DataFrame(rows, columns=["clone", "day"], index=[f"{clone}|{day}" for clone, day in rows])


def test_consecutive_pairs_follow_time_within_groups(table):
    pairs = consecutive_pairs(table, ["clone"], table["day"].to_numpy(float))
    found = set(pairs[["source", "target"]].itertuples(index=False, name=None))
    assert found == {("a|2", "a|4"), ("a|4", "a|6"), ("b|2", "b|6")}
    assert (pairs["time_from"] < pairs["time_to"]).all()
    assert pairs["group"].tolist() == [name[0] for name in pairs["source"]]


def test_consecutive_pairs_do_not_depend_on_the_order_of_sets(table):
    shuffled = table.sample(frac=1, random_state=0)
    first, second = (
        consecutive_pairs(part, ["clone"], part["day"].to_numpy(float)).sort_values("source", ignore_index=True)
        for part in (table, shuffled)
    )
    pd.testing.assert_frame_equal(first, second)


def test_consecutive_pairs_of_orphans_are_none(table):
    assert consecutive_pairs(table.iloc[[0, 3]], ["clone"], np.array([6.0, 4.0])).empty


def test_named_pairs_group_what_shares_a_set(table):
    pairs = named_pairs([("a|2", "a|4"), ("b|2", "c|4"), ("a|2", "a|6")], table)
    groups = pairs["group"].tolist()
    assert groups[0] == groups[2] != groups[1]


def test_named_pairs_take_a_frame_with_other_columns(table):
    frame = pd.DataFrame({"weight": [1.0], "source": ["a|2"], "target": ["b|6"]})
    assert named_pairs(frame, table)[["source", "target"]].to_numpy().tolist() == [["a|2", "b|6"]]


@pytest.mark.parametrize(
    ("pairs", "error", "match"),
    [
        ([("a|2", "nobody")], KeyError, r"`pairs` must name sets, got \['nobody'\]"),
        ([("a|2", "a|2")], ValueError, "`pairs` must be of two sets each, got 'a|2' with itself"),
        ([("a|2",)], ValueError, r"shape \(n, 2\), got shape \(1, 1\)"),
        ([], ValueError, r"shape \(n, 2\)"),
    ],
)
def test_named_pairs_say_what_is_wrong(table, pairs, error, match):
    with pytest.raises(error, match=match):
        named_pairs(pairs, table)


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
def test_clock_reads_numbers_and_ordered_labels(column, expected):
    np.testing.assert_array_equal(TimeScale.of(column).read(column), expected)


def test_clock_reads_one_time_as_a_label_or_a_number():
    clock = TimeScale.of(pd.Series(["2", "6"], dtype="category"))
    assert clock.number("6") == clock.number(6) == clock.number(6.0) == 6
    assert clock.number(4) == 4
    with pytest.raises(ValueError, match=r"A time must be a number or one of \['2', '6'\], got 'late'"):
        clock.number("late")


@pytest.mark.parametrize("column", [pd.Series(["a", "b"], name="day"), pd.Series([True, False], name="day")])
def test_clock_refuses_values_without_an_order(column):
    with pytest.raises(ValueError, match="`time_key` must name a numeric or ordered column, got 'day'"):
        TimeScale.of(column)


def test_check_times_says_what_is_wrong():
    with pytest.raises(ValueError, match="NaN or infinity in 2 of 3 cells"):
        check_times(np.array([2, np.nan, np.inf]), "day")
    with pytest.raises(ValueError, match=r"at least two times, got \[2.0\] in 'day'"):
        check_times(np.array([2.0, 2.0]), "day")
