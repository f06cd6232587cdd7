from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from scgde.stats._permutation import arrangements, n_arrangements, p_value, shuffles

DESIGNS = [
    ([0, 0, 1, 1], [0, 0, 0, 0]),
    ([0, 1, 2, 2, 0], [0, 0, 0, 0, 0]),
    ([0, 1, 0, 1, 1, 0], [0, 1, 0, 1, 0, 1]),
    ([1, 0, 0, 1, 2, 0, 1], [2, 2, 0, 0, 0, 5, 5]),
]


def oracle(codes, strata):
    """All labellings that permutations within strata give, by trying every permutation."""
    ways = permutations(range(len(codes)))
    return {tuple(codes[list(way)]) for way in ways if (strata[list(way)] == strata).all()}


@pytest.mark.parametrize(("codes", "strata"), DESIGNS)
def test_arrangements_give_each_labelling_once(codes, strata):
    codes, strata = np.array(codes), np.array(strata)
    moved = arrangements(codes, strata)
    labellings = [tuple(codes[way]) for way in moved]
    assert len(set(labellings)) == len(labellings) == n_arrangements(codes, strata)
    assert set(labellings) == oracle(codes, strata)
    assert (np.sort(moved, axis=1) == np.arange(len(codes))).all()


def test_n_arrangements_of_many_sets_is_exact():
    assert n_arrangements(np.repeat([0, 1], 6), np.zeros(12)) == 924
    assert n_arrangements(np.tile([0, 1], 100), np.repeat(np.arange(100), 2)) == 2**100


def test_shuffles_stay_within_strata():
    strata = np.array([3, 0, 0, 3, 3, 7, 0])
    moved = shuffles(strata, 500, np.random.default_rng(0))
    assert (strata[moved] == strata).all()
    assert (np.sort(moved, axis=1) == np.arange(7)).all()
    # Uniform: of three sets each is in each place a third of the time.
    assert (moved[:, 0] == 3).mean() == pytest.approx(1 / 3, abs=0.08)


def test_p_value_counts_ties_and_the_observed_statistic():
    null = np.array([1.0, 2.0, 2.0 - 1e-12, 3.0])
    assert p_value(2.0, null, exact=True) == 3 / 4
    assert p_value(2.0, null, exact=False) == 4 / 5
    assert p_value(9.0, null, exact=False) == 1 / 5
    assert p_value(np.inf, np.array([np.inf, 1.0]), exact=True) == 1 / 2
