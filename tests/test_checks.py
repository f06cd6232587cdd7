from __future__ import annotations

import pandas as pd
import pytest

from scgde._checks import check_fraction, check_non_negative, check_positive, check_sets


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
