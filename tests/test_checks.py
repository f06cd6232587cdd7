from __future__ import annotations

import pandas as pd
import pytest

from scgde._checks import check_at_least_two_sets, check_sets


def test_check_at_least_two_sets_names_the_only_one():
    check_at_least_two_sets(pd.DataFrame(index=["a", "b"]))
    with pytest.raises(ValueError, match=r"At least two sets are required to fit, got 1: \['a'\]"):
        check_at_least_two_sets(pd.DataFrame(index=["a"]))


def test_check_sets_gives_places_of_one_or_several_and_names_the_unknown():
    known = pd.Index(["a", "b", "c"])
    assert check_sets(known, "c", "`sets`").tolist() == [2]
    assert check_sets(known, ["b", "a", "b"], "`sets`").tolist() == [1, 0, 1]
    with pytest.raises(KeyError, match=r"`a` and `b` must name fitted sets, got \['x', 'y'\]. Some sets: \['a', 'b'"):
        check_sets(known, ["x", "a", "y"], "`a` and `b`")
    with pytest.raises(KeyError, match=r"`sets` must name fitted sets, got \[\]"):
        check_sets(known, [], "`sets`")
