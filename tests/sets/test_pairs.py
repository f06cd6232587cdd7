from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scgde.sets._pairs import (
    check_pair_weights,
    consecutive_pairs,
    covariate_names,
    linked_groups,
    named_pairs,
    pair_indices,
)


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
        consecutive_pairs(sets, ["clone"], sets["day"].to_numpy(float)).sort_values("source", ignore_index=True)
        for sets in (table, shuffled)
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


def test_pair_indices_are_the_rows_of_both_ends(table):
    index = pair_indices([("a|2", "a|4"), ("b|2", "c|4")], table.index)
    assert table.index.to_numpy()[index].tolist() == [["a|2", "a|4"], ["b|2", "c|4"]]


def test_pair_indices_of_none_are_no_rows(table):
    assert pair_indices(None, table.index).shape == (0, 2)


def test_pair_weights_are_equal_by_default_and_otherwise_as_given():
    np.testing.assert_array_equal(check_pair_weights(None, 3), np.ones(3))
    np.testing.assert_array_equal(check_pair_weights([1, 0.5], 2), [1, 0.5])


@pytest.mark.parametrize("weights", [[1, 2], [1, 1, 0], [1, 1, -1], [1, 1, np.nan], [1, 1, np.inf]], ids=str)
def test_pair_weights_must_be_positive_numbers_one_for_each_pair(weights):
    with pytest.raises(ValueError, match="`pair_weights` must be a positive number for each of 3 pairs, got "):
        check_pair_weights(weights, 3)


def test_linked_groups_are_the_connected_components():
    groups = linked_groups(np.array([[0, 4], [4, 2], [5, 1]]), 6)
    assert len(set(groups)) == 3
    assert groups[0] == groups[2] == groups[4]
    assert groups[1] == groups[5]
    assert groups[3] not in groups[[0, 1]]


def test_without_links_each_set_is_a_group_of_its_own():
    assert len(set(linked_groups(np.empty((0, 2), dtype=int), 4))) == 4


def test_covariates_of_pairs_are_the_columns_besides_the_ends_and_the_split(table):
    pairs = consecutive_pairs(table, ["clone"], table["day"].to_numpy(float)).assign(dose=1.0, split="train")
    assert covariate_names(pairs) == ["time_from", "time_to", "dose"]
