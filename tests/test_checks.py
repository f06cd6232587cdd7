from __future__ import annotations

import pandas as pd
import pytest

from scgde._checks import check_at_least_two_sets


def test_check_at_least_two_sets_names_the_only_one():
    check_at_least_two_sets(pd.DataFrame(index=["a", "b"]))
    with pytest.raises(ValueError, match=r"At least two sets are required to fit, got 1: \['a'\]"):
        check_at_least_two_sets(pd.DataFrame(index=["a"]))
