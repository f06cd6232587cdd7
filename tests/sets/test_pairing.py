from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scgde.sets import pair_sets


@pytest.fixture
def obs() -> pd.DataFrame:
    """Three cells of each set: clone a at days 2, 4, 6; b at 2 and 6; c, an orphan, at 4."""
    sets = [("a", 6), ("a", 2), ("b", 6), ("c", 4), ("a", 4), ("b", 2)]
    obs = pd.DataFrame([one for one in sets for _ in range(3)], columns=["clone", "day"])
    obs["dose"] = obs["day"] * 10
    obs["batch"] = "x"
    obs["varies"] = np.arange(len(obs))
    return obs.set_axis(obs.index.astype(str))


@pytest.fixture
def pair(obs):
    def make(groupby="clone", *, obs=obs, **options):
        defaults = {"time_key": None, "pairs": None, "condition_keys": [], "mask": None, "min_cells": 1}
        return pair_sets(obs, groupby, **defaults | options)

    return make


def ends(pairing):
    return set(pairing.pairs[["source", "target"]].itertuples(index=False, name=None))


def test_times_pair_sets_of_a_group_and_the_set_is_named_after_both(pair):
    pairing = pair(time_key="day")
    assert pairing.columns == ["clone", "day"]
    assert pairing.grouping.table.index.tolist() == ["a|2", "a|4", "a|6", "b|2", "b|6", "c|4"]
    assert ends(pairing) == {("a|2", "a|4"), ("a|4", "a|6"), ("b|2", "b|6")}
    assert len(set(pairing.groups)) == 3
    assert pairing.groups.tolist() == pd.factorize(pairing.grouping.table["clone"])[0].tolist()


def test_sets_without_times_or_names_are_not_paired(pair):
    pairing = pair()
    assert pairing.pairs.empty
    assert list(pairing.pairs) == ["source", "target", "group"]
    assert pairing.time_scale is None
    assert len(set(pairing.groups)) == len(pairing.groups) == 3


def test_named_pairs_link_their_sets(pair):
    pairing = pair(pairs=[("c", "a")])
    assert ends(pairing) == {("c", "a")}
    a, b, c = pairing.groups
    assert a == c != b


def test_ends_are_the_rows_of_the_named_sets(pair):
    pairing = pair(time_key="day")
    names = pairing.grouping.table.index.to_numpy()
    np.testing.assert_array_equal(names[pairing.ends], pairing.pairs[["source", "target"]])


def test_links_join_each_set_with_the_first_of_its_group(pair):
    assert pair(time_key="day").links.tolist() == [[0, 0], [0, 1], [0, 2], [3, 3], [3, 4], [5, 5]]


def test_covariates_are_those_of_the_target(pair):
    pairs = pair(time_key="day", condition_keys="dose").pairs
    np.testing.assert_array_equal(pairs["dose"], 10 * pairs["time_to"])


def test_a_covariate_of_classes_gets_a_column_for_each(pair, obs):
    obs["drug"] = (obs["clone"] + obs["day"].astype(str)).map({"a4": "x", "a6": "y", "b6": "x"}).fillna("none")
    pairing = pair(obs=obs, time_key="day", condition_keys=["drug"])
    assert pairing.categories == {"drug": ["x", "y"]}
    assert pairing.pairs.set_index("target")["drug=y"].to_dict() == {"a|4": 0, "a|6": 1, "b|6": 0}
    assert (pairing.pairs["drug=x"] + pairing.pairs["drug=y"] == 1).all()


def test_a_covariate_called_as_a_column_of_pairs_is_refused(pair, obs):
    obs["group"] = 1.0
    with pytest.raises(ValueError, match="must not be called as the columns of pairs, got 'group'"):
        pair(obs=obs, time_key="day", condition_keys=["group"])


def test_perturbations_share_their_control_and_form_groups_by_name(pair, obs):
    pairs = pd.DataFrame({"source": ["a", "a"], "target": ["b", "c"], "perturbation": ["P", "Q"], "control": "a"})
    pairing = pair(pairs=pairs)
    assert pairing.of_perturbations
    assert pairing.pairs["group"].tolist() == ["P", "Q"]
    assert len(set(pairing.groups)) == 3  # a split may divide them
    assert pairing.always_trained.tolist() == [0]


def test_what_combinations_consist_of_is_always_trained(pair):
    pairs = pd.DataFrame({"source": ["a", "a"], "target": ["b", "c"], "perturbation": ["P", "P+Q"], "control": "a"})
    assert pair(pairs=pairs).always_trained.tolist() == [0, 1]  # the control and P, not P+Q


def test_mask_and_min_cells_leave_sets_out(pair, obs):
    pairing = pair(time_key="day", mask=(obs["clone"] != "b").to_numpy())
    assert ends(pairing) == {("a|2", "a|4"), ("a|4", "a|6")}
    fewer = pair(obs=obs.drop(index=["3"]), time_key="day", min_cells=3)  # a cell of a|2
    assert ends(fewer) == {("a|4", "a|6"), ("b|2", "b|6")}


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        (
            {"time_key": "day", "pairs": [("a", "b")]},
            ValueError,
            "`time_key` and `pairs` exclude each other, got 'day'",
        ),
        ({"time_key": "hour"}, KeyError, r"`time_key` must name columns of `adata.obs`, got \['hour'\]"),
        ({"groupby": ["clone", "day"], "time_key": "day"}, ValueError, "must not be a column of `groupby`"),
        ({"time_key": "batch"}, ValueError, "must name a numeric or ordered column, got 'batch'"),
        ({"groupby": "batch"}, ValueError, "At least 2 sets .*are required"),
        ({"pairs": [("a", "z")]}, KeyError, r"`pairs` must name sets, got \['z'\]"),
        (
            {"time_key": "day", "condition_keys": "x"},
            KeyError,
            r"`condition_keys` must name columns of `adata.obs`, got \['x'\]",
        ),
        (
            {"time_key": "day", "condition_keys": "varies"},
            ValueError,
            "`condition_keys` must name a column that is constant within sets, but 'varies' varies in 6",
        ),
    ],
    ids=str,
)
def test_pair_sets_says_what_is_wrong(pair, options, error, match):
    with pytest.raises(error, match=match):
        pair(**options)


def test_a_covariate_that_is_missing_for_a_target_is_refused(pair, obs):
    obs["dose"] = np.where(obs["day"] == 6, np.nan, obs["dose"])
    with pytest.raises(ValueError, match="known for the target of each pair, but 'dose' is NaN for some"):
        pair(time_key="day", condition_keys="dose")
    obs["dose"] = np.where(obs["day"] == 2, np.nan, 1.0)  # sources only
    assert (pair(time_key="day", condition_keys="dose").pairs["dose"] == 1).all()
