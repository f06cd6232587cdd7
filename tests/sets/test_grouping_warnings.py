from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from scgde.sets._grouping import group_cells
from scgde.sets._grouping_warnings import warn_of_sets


def obs_of(sizes, **columns):
    """One set of each size, named by number, and columns of one value per set."""
    codes = np.repeat(np.arange(len(sizes)), sizes)
    values = {name: np.asarray(column)[codes] for name, column in columns.items()}
    return pd.DataFrame({"donor": [f"d{code}" for code in codes], **values})


def said(obs, columns, min_cells=10, earlier=None):
    """Text of all warnings."""
    columns = [columns] if isinstance(columns, str) else columns
    grouping = group_cells(obs, columns, min_cells=min_cells)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        warn_of_sets(obs, grouping, columns, min_cells, earlier or {})
    return [str(warning.message) for warning in seen]


def test_sets_without_anything_wrong_give_no_warning():
    assert said(obs_of([20, 30, 120, 12, 15, 18]), "donor") == []


def test_dropped_sets_are_counted_with_their_share_and_named():
    (text,) = said(obs_of([20, 20, *[2] * 6]), "donor")
    assert text.startswith("Dropped 6 of 8 sets (75%) with fewer than `min_cells=10` cells (12 cells in all, 23%): d2,")
    assert text.endswith("d6, ....")


def test_values_of_which_no_set_is_left_are_named():
    obs = obs_of([20, 20, 3, 4], clone=list("abab"), day=[2, 2, 4, 4])
    (text,) = said(obs, ["clone", "day"])
    assert text.endswith("No set is left of day 4.")


def test_dropped_sets_are_named_once():
    obs = obs_of([20, 20, 3])
    dropped = group_cells(obs, "donor", min_cells=10).dropped
    assert said(obs, "donor", earlier={"set": {"dropped": dropped}, "other": 3}) == []
    assert len(said(obs, "donor", earlier={"set": {"dropped": dropped.iloc[:0]}})) == 1


@pytest.mark.parametrize("value", [-1, "-1", "nan", "NA", "None", "unassigned", "Unknown"])
def test_a_value_that_stands_for_no_set_is_named(value):
    obs = obs_of([20, 20, 30], clone=[value, 1, 2] if isinstance(value, int) else [value, "a", "b"])
    (text,) = said(obs, "clone")
    assert text.startswith(f"Clone '{value}', with 20 cells (29%), looks like the cells without a set")


def test_a_set_that_is_far_larger_than_all_others_is_named():
    (text,) = said(obs_of([900, 20, 30, 40, 12]), "donor")
    assert text.startswith("Set 'd0', with 900 cells (90%), looks like")


@pytest.mark.parametrize("name", ["dataset", "study", "cohort"])
def test_ids_that_span_studies_are_named(name):
    obs = obs_of([20, 20, 20])
    obs[name] = np.where(np.arange(60) < 30, "first", "second")
    (text,) = said(obs, "donor")
    assert text.startswith(f"1 of 3 sets have cells of several values of {name!r}, such as ['d1']")
    assert f"group by ['donor', {name!r}]" in text
    assert said(obs, ["donor", name], min_cells=1) == []
    assert said(obs.assign(**{name: obs["donor"].str[0]}), "donor") == []
