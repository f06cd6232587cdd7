from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scgde._checks import as_names
from scgde._columns import classes, is_continuous, is_numeric


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.linspace(0, 1, 12), True),
        ([0.5, 1.5, 2.5, np.nan], True),  # not whole
        ([0.0, 0.5] * 6, False),  # two values
        ([2, 4, 6] * 2, False),  # two sets to a value
        ([2, 4, 6, 2, 4], True),  # fewer
        (np.arange(33) % 11, True),  # more than ten values
        (np.arange(30) % 10, False),
        ([True, False, True], False),
        (["1", "2", "3"], False),
        (pd.Categorical([1, 2, 3]), False),
        ([np.nan] * 3, False),
    ],
)
def test_is_continuous_leaves_out_two_values_and_few_whole_ones(values, expected):
    assert is_continuous(pd.Series(values)) is expected


def test_is_numeric_leaves_out_truth_values_only():
    assert is_numeric(pd.Series([1, 1]))
    assert not is_numeric(pd.Series([True, False]))
    assert not is_numeric(pd.Series(["1"]))


@pytest.mark.parametrize(
    ("values", "codes", "names"),
    [
        ([10.0, np.nan, 2.0], [1, -1, 0], ["2", "10"]),
        ([0.5, 1.0, 0.5], [0, 1, 0], ["0.5", "1"]),
        (["b", None, "a"], [1, -1, 0], ["a", "b"]),
        (pd.Categorical(["b", "a"], categories=["c", "b", "a"]), [0, 1], ["b", "a"]),
        (pd.array([True, None, False], dtype="boolean"), [1, -1, 0], ["False", "True"]),
    ],
)
def test_classes_gives_codes_in_natural_order_and_names_that_occur(values, codes, names):
    found, found_names = classes(pd.Series(values))
    assert (found.tolist(), found_names) == (codes, names)


def test_as_names_lists_one_several_or_none():
    assert as_names(None) == []
    assert as_names("donor") == ["donor"]
    assert as_names(("donor", "day")) == ["donor", "day"]
