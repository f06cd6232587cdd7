from __future__ import annotations

import numpy as np
import pytest

from scgde import metrics
from scgde.stats._energy_decomposition import Population, decompose, energy_by_feature


def population(n, shares, means, sds, seed=0):
    """Gaussian states in three dimensions."""
    rng = np.random.default_rng(seed)
    states = np.repeat(np.arange(len(shares)), np.round(np.array(shares) * n).astype(int))
    x = np.array(means)[states] + np.array(sds)[states, None] * rng.normal(size=(len(states), 3))
    return Population(x, np.full(len(states), 1 / len(states)), states)


FAR = [[0.0, 0, 0], [5.0, 0, 0], [0, 5.0, 0]]


@pytest.fixture
def a():
    return population(200, [0.5, 0.3, 0.2], FAR, [1, 1, 1])


@pytest.fixture
def b():
    return population(150, [0.2, 0.3, 0.5], np.add(FAR, [0, 0, 1]), [1, 2, 1], seed=1)


def test_parts_are_signed_measures_that_add_up_to_the_difference(a, b):
    split = decompose(a, b, 3)
    np.testing.assert_allclose(split.measures.sum(axis=(0, 1)), split.difference, atol=1e-15)
    np.testing.assert_allclose(split.measures.sum(axis=2), 0, atol=1e-15)


def test_contributions_add_up_to_the_energy_distance(a, b):
    split = decompose(a, b, 3)
    assert split.contributions().sum() == pytest.approx(metrics.energy_distance(a.x, b.x))
    expected = [metrics.energy_distance(a.x[:, [g]], b.x[:, [g]]) for g in range(3)]
    np.testing.assert_allclose(split.contributions_by_feature().sum(axis=0), expected)
    np.testing.assert_allclose(energy_by_feature(a.x, b.x), expected)


def test_contributions_take_weights(a, b):
    weights = np.random.default_rng(0).dirichlet(np.ones(len(a.x)))
    split = decompose(a._replace(weights=weights), b, 3)
    expected = metrics.energy_distance(a.x, b.x, x_weights=weights, y_weights=b.weights)
    assert split.contributions().sum() == pytest.approx(expected)


def test_contributions_do_not_depend_on_the_order_of_the_two(a, b):
    np.testing.assert_allclose(decompose(a, b, 3).contributions(), decompose(b, a, 3).contributions(), atol=1e-12)


def test_contributions_do_not_depend_on_where_the_origin_is(a, b):
    moved = decompose(a._replace(x=a.x + 100), b._replace(x=b.x + 100), 3)
    np.testing.assert_allclose(moved.contributions(), decompose(a, b, 3).contributions(), atol=1e-9)


@pytest.mark.parametrize(
    ("shares", "shift", "sd", "part"),
    [([0.2, 0.8], 0, 1, 0), ([0.5, 0.5], 1.5, 1, 1), ([0.5, 0.5], 0, 3, 2)],
    ids=["composition", "shift", "dispersion"],
)
def test_each_kind_of_difference_is_called_by_its_name(shares, shift, sd, part):
    a = population(2000, [0.5, 0.5], FAR[:2], [1, 1])
    b = population(2000, shares, np.add(FAR[:2], [0, 0, shift]), [sd, sd], seed=1)
    shared = decompose(a, b, 2).contributions().sum(axis=1)
    assert shared[part] > 0.95 * shared.sum()


def test_without_states_there_is_no_composition(a, b):
    one = [side._replace(states=np.zeros(len(side.x), dtype=int)) for side in (a, b)]
    contributions = decompose(*one, 1).contributions()
    assert contributions[0, 0] == pytest.approx(0, abs=1e-12)
    assert (contributions[1:] > 0).all()


def test_a_state_of_one_side_only_is_composition():
    a, b = population(200, [0.5, 0.5, 0], FAR, [1] * 3), population(200, [0.5, 0, 0.5], FAR, [1] * 3, seed=1)
    contributions = decompose(a, b, 3).contributions()
    assert (contributions[1:, 1:] == 0).all()
    assert contributions[0].sum() > 0.95 * contributions.sum()
    assert (contributions[0, 1:] > 0).all()


def test_a_part_that_works_against_the_others_is_negative():
    """More cells in the high state, and the low one moved down, so that the means agree better than either alone."""
    a = population(2000, [0.5, 0.5], [[0, 0, 0], [4, 0, 0]], [1, 1])
    b = population(2000, [0.3, 0.7], [[-2, 0, 0], [2, 0, 0]], [1, 1], seed=1)
    contributions = decompose(a, b, 2).contributions().sum(axis=1)
    assert contributions[0] < 0 < contributions[1]


def test_features_take_the_part_that_acts_on_them(a):
    moved = a.x + np.array([0, 0, 1.0])
    parts = decompose(a, a._replace(x=moved), 3).contributions_by_feature()
    assert parts[1, 2] == pytest.approx(parts.sum())
    np.testing.assert_allclose(parts[:, :2], 0, atol=1e-12)
