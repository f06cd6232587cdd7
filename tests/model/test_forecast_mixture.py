from __future__ import annotations

import numpy as np
import pytest

from scgde.model._forecast_mixture import KnownPairs

SHIFT, FACTOR = np.array([1.0, -2.0]), np.array([2.0, 0.5])


@pytest.fixture(scope="module")
def known() -> KnownPairs:
    """Four pairs: those with the covariate 1 are shifted and stretched, those with 0 stay as they are."""
    rng = np.random.default_rng(0)
    ends = []
    for i in range(4):
        start = rng.normal(i, 1 + i, size=(20, 2))
        mean = start.mean(axis=0)
        ends.append((start, start if i < 2 else mean + (start - mean) * FACTOR + SHIFT))
    return KnownPairs.of(ends, np.array([[0.0], [0.0], [1.0], [1.0]]), rng, max_cells=5)


@pytest.mark.parametrize("rescale", [False, True])
def test_cells_change_as_those_of_pairs_with_the_same_covariates(known, rescale):
    cells = np.random.default_rng(1).normal(3, 2, size=(30, 2))
    changed = known.shifted(cells, np.array([1.0]), rescale=rescale)
    np.testing.assert_allclose(changed.mean(axis=0), cells.mean(axis=0) + SHIFT)
    np.testing.assert_allclose(changed.std(axis=0), cells.std(axis=0) * (FACTOR if rescale else 1))
    np.testing.assert_allclose(known.shifted(cells, np.array([0.0]), rescale=rescale), cells)


def test_without_pairs_alike_all_count(known):
    cells = np.zeros((2, 2))
    np.testing.assert_allclose(known.shifted(cells, np.array([9.0]), rescale=False), cells + SHIFT / 2)


def test_cells_of_targets_are_in_proportion_to_the_weights_and_differ_while_there_are_others(known):
    cells = known.targets(np.array([0.0, 0.5, 0.5, 0.0]), 10, np.random.default_rng(0))
    kept = [known.cells[known.pair == pair] for pair in range(4)]
    assert [len(part) for part in kept] == [5] * 4
    # Each of the five cells of either target once.
    expected = np.concatenate([kept[1], kept[2]])
    np.testing.assert_array_equal(np.unique(cells, axis=0), np.unique(expected, axis=0))
    again = known.targets(np.array([1.0, 0.0, 0.0, 0.0]), 15, np.random.default_rng(0))
    assert np.unique(again, axis=0, return_counts=True)[1].tolist() == [3] * 5
