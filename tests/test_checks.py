from __future__ import annotations

import pandas as pd
import pytest

from scgde._checks import (
    check_columns,
    check_fraction,
    check_interval,
    check_jobs,
    check_non_negative,
    check_options,
    check_positive,
    check_sets,
)


def test_check_sets_gives_places_of_one_or_several_and_names_the_unknown():
    known = pd.Index(["a", "b", "c"])
    assert check_sets(known, "c", "`sets`").tolist() == [2]
    assert check_sets(known, ["b", "a", "b"], "`sets`").tolist() == [1, 0, 1]
    with pytest.raises(KeyError, match=r"`a` and `b` must name fitted sets, got \['x', 'y'\]. Some sets: \['a', 'b'"):
        check_sets(known, ["x", "a", "y"], "`a` and `b`")
    with pytest.raises(KeyError, match=r"`sets` must name fitted sets, got \[\]"):
        check_sets(known, [], "`sets`")


@pytest.mark.parametrize("value", [None, "", [], False, True, "1", [1.0]])
def test_numbers_are_neither_empty_nor_truth_values(value):
    for check in (check_non_negative, check_positive, check_fraction):
        with pytest.raises(TypeError, match="`weight` must be a number, got"):
            check(value, "weight")


def test_numbers_are_within_their_range():
    assert (check_non_negative(0, "w"), check_non_negative(2, "w"), check_positive(1, "w")) == (0.0, 2.0, 1.0)
    assert (check_fraction(0, "w"), check_fraction(1, "w")) == (0.0, 1.0)
    for value in (-1, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="`w` must be zero or positive, and finite"):
            check_non_negative(value, "w")
    with pytest.raises(ValueError, match="`w` must be positive and finite, got 0"):
        check_positive(0, "w")
    with pytest.raises(ValueError, match=r"`w` must be a number in \[0, 1\], got 1.5"):
        check_fraction(1.5, "w")


@pytest.mark.parametrize("names", [3, 1.5, None, [[0.0, 1.0]], [{}]])
def test_check_sets_refuses_what_is_no_name(names):
    with pytest.raises(TypeError, match="`sets` must be names of sets, got"):
        check_sets(pd.Index(["a", "b"]), names, "`sets`")


def test_check_columns_refuses_two_columns_of_one_name():
    obs = pd.DataFrame([[1, 2, 3]], columns=["a", "b", "a"])
    with pytest.raises(ValueError, match=r"names of their own, got several called \['a'\]"):
        check_columns(obs, groupby=["b"])


@pytest.mark.parametrize("interval", [("0", "1"), (None, 1), (0, "1")])
def test_check_interval_refuses_text(interval):
    with pytest.raises(TypeError, match="`interval` must be a number, got"):
        check_interval(*interval, "`interval`")


def test_check_jobs_takes_counts_and_all_cores():
    assert [check_jobs(value, "n_jobs") for value in (2, -1, -2, None)] == [2, -1, -2, None]
    with pytest.raises(ValueError, match="`n_jobs` must be at least 1"):
        check_jobs(0, "n_jobs")
    with pytest.raises(TypeError, match="`n_jobs` must be an integer, got"):
        check_jobs(1.5, "n_jobs")


def test_check_options_requires_counts_to_be_counts():
    options = {"n_hidden": 8, "n_layers": 0, "n_output": None, "backbone_kwargs": {"n_hidden": 4}, "floor": 0.0}
    assert check_options(options, "kwargs") == options
    assert check_options(None, "kwargs") == {}
    for wrong, error in (({"n_hidden": 0}, ValueError), ({"n_hidden": -1}, ValueError), ({"n_hidden": 1.5}, TypeError)):
        with pytest.raises(error, match=r"`kwargs\['n_hidden'\]` must be"):
            check_options(wrong, "kwargs")
        with pytest.raises(error, match=r"`kwargs\['backbone_kwargs'\]\['n_hidden'\]` must be"):
            check_options({"backbone_kwargs": wrong}, "kwargs")
    for wrong in (3, [("n_hidden", 3)], {1: 2}):
        with pytest.raises(TypeError, match="`kwargs` must be a dict of options by name"):
            check_options(wrong, "kwargs")
