from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scgde.sets import SetSplit
from scgde.sets._splits import check_undivided, first_with_sets, hold_out

LINKS = np.array([[0, 1], [2, 3], [4, 30], [31, 32], [5, 6]])


@pytest.fixture
def split() -> SetSplit:
    return SetSplit(np.array([0, 2, 5]), np.array([3]))


@pytest.mark.parametrize(
    ("n_sets", "fraction", "n_validation"),
    [(10, 0.1, 1), (10, 0.0, 0), (10, 0.25, 2), (10, 1.0, 8), (2, 0.5, 0), (3, 0.5, 1), (1000, 0.1, 100)],
)
def test_hold_out_divides_the_sets(n_sets, fraction, n_validation):
    train, validation = hold_out(n_sets, fraction, seed=0)
    assert len(validation) == n_validation
    np.testing.assert_array_equal(np.sort(np.concatenate([train, validation])), np.arange(n_sets))


def test_hold_out_depends_on_the_seed_only():
    first, again, other = (hold_out(100, 0.2, seed=seed).validation for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("seed", range(5))
def test_hold_out_separates_no_linked_sets(seed):
    linked = np.array([[0, 1], [1, 2], [3, 4], [5, 6], [7, 8], [9, 3]])
    train, validation = hold_out(30, 0.2, seed=seed, links=linked)
    np.testing.assert_array_equal(np.sort(np.append(train, validation)), np.arange(30))
    for pair in linked:
        assert np.isin(pair, validation).sum() in (0, 2)
    assert 6 <= len(validation) <= 8


@pytest.mark.parametrize(
    ("n_sets", "fraction", "n_validation"), [(10, 0.1, 2), (10, 0.0, 0), (10, 1.0, 8), (3, 0.5, 0), (4, 0.1, 2)]
)
def test_hold_out_with_links_holds_out_two_sets_or_more_while_two_are_left(n_sets, fraction, n_validation):
    train, validation = hold_out(n_sets, fraction, seed=0, links=np.empty((0, 2), dtype=int))
    assert (len(train), len(validation)) == (n_sets - n_validation, n_validation)


def test_hold_out_with_links_depends_on_the_seed_only():
    first, again, other = (hold_out(100, 0.2, seed=seed, links=LINKS).validation for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_column_names_what_each_set_is_for(split):
    column = split.column(6)
    assert column.tolist() == ["train", "test", "train", "validation", "test", "train"]
    assert column.categories.tolist() == ["train", "validation", "test"]


def test_column_and_from_column_are_inverse():
    split = hold_out(30, 0.3, seed=0)
    again = SetSplit.from_column(pd.Series(split.column(30)))
    for rows, expected in zip(again, split, strict=True):
        np.testing.assert_array_equal(rows, expected)


@pytest.mark.parametrize("dtype", [object, "category"])
def test_from_column_takes_other_and_missing_values_as_test_sets(dtype):
    column = pd.Series(["train", "held", None, "validation", "train"], dtype=dtype)
    split = SetSplit.from_column(column)
    assert (split.train.tolist(), split.validation.tolist()) == ([0, 4], [3])
    assert split.column(5).tolist() == ["train", "test", "test", "validation", "train"]


@pytest.mark.parametrize("values", [["train", "test", "validation"], ["x", "x", None], [1.0, 2.0, np.nan]])
def test_from_column_requires_two_training_sets(values):
    with pytest.raises(ValueError, match=r'`split_key` must name a column with the value "train" for at least two'):
        SetSplit.from_column(pd.Series(values))


@pytest.mark.parametrize(
    ("other", "part"), [("Train", "train"), ("training", "train"), ("val", "validation"), ("Valid", "validation")]
)
def test_from_column_refuses_other_spellings(other, part):
    with pytest.raises(ValueError, match=rf"got \['{other}'\]. Rename them: `.replace\({{'{other}': '{part}'}}\)`"):
        SetSplit.from_column(pd.Series(["train", "train", "validation", "test", other]))


def test_a_pair_is_for_what_the_one_of_its_sets_is_for_that_the_fit_sees_less_of(split):
    ends = np.array([[0, 2], [0, 3], [3, 3], [1, 4], [5, 1], [3, 1]])
    column = split.column_of_pairs(ends)
    assert column.tolist() == ["train", "validation", "validation", "test", "test", "test"]
    assert column.categories.tolist() == ["train", "validation", "test"]


def test_with_test_sets_trains_on_all_but_the_validation_sets(split):
    whole = split.with_test_sets(6)
    assert sorted(whole.train.tolist()) == [0, 1, 2, 4, 5]
    assert whole.validation.tolist() == [3]
    assert "test" not in whole.column(6)
    # Those of before come first, in their order.
    assert whole.train[:3].tolist() == split.train.tolist()


def test_with_test_sets_changes_nothing_where_there_are_none():
    split = hold_out(20, 0.2, seed=0)
    np.testing.assert_array_equal(split.with_test_sets(20).train, split.train)


def test_check_undivided_accepts_groups_of_one_value_each():
    column = pd.Series(["train", "test", "train", None, None], name="split")
    check_undivided(column, np.array([0, 1, 0, 2, 2]))


@pytest.mark.parametrize("other", ["test", None])
def test_check_undivided_names_the_sets_of_a_divided_group(other):
    column = pd.Series(["train", "test", other, "train"], index=list("abcd"), name="fold", dtype="category")
    with pytest.raises(ValueError, match=r"one value for all sets of a group, but 'fold' divides \['c', 'd'\]. Split"):
        check_undivided(column, np.array([0, 1, 2, 2]))


@pytest.mark.parametrize(
    ("values", "rows"),
    [
        (["train", "test", "validation", "test"], [1, 3]),
        (["train", "validation", "train", "validation"], [1, 3]),
        (["train", "train"], []),
    ],
)
def test_first_with_sets_prefers_test_sets_to_validation_sets(values, rows):
    assert first_with_sets(pd.Series(values)).tolist() == rows


def test_first_with_sets_takes_the_parts_in_the_order_asked_for():
    column = pd.Series(["train", "test", "validation"])
    assert first_with_sets(column, ("validation", "test")).tolist() == [2]
    assert first_with_sets(column.iloc[:2], ("validation", "train")).tolist() == [0]
