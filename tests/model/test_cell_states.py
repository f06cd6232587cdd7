from __future__ import annotations

import numpy as np
import pytest

from scgde.model._cell_states import CellStates

CENTERS = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])


@pytest.fixture
def cells() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.repeat(CENTERS, [300, 200, 100], axis=0) + rng.normal(size=(600, 2))


def test_states_are_the_clusters_of_cells(cells):
    found = CellStates.fit(cells, seed=0)
    assert len(found.centers) == 8
    states = CellStates(CENTERS)
    np.testing.assert_array_equal(states.of(cells), np.repeat([0, 1, 2], [300, 200, 100]))
    assert len(CellStates.fit(cells[:60], seed=0).centers) == 1


def test_variance_of_log_shares_is_that_over_draws_of_cells(cells):
    rng, states = np.random.default_rng(0), CellStates(CENTERS)
    draws = [states.log_shares(cells[rng.choice(600, 200)]) for _ in range(400)]
    np.testing.assert_allclose(np.exp(np.mean([one for one, _ in draws], axis=0)), [1 / 2, 1 / 3, 1 / 6], rtol=0.02)
    truth = np.var([one for one, _ in draws], axis=0)
    np.testing.assert_allclose(np.mean([variance for _, variance in draws], axis=0), truth, rtol=0.2)


def test_shares_of_resampled_cells_are_those_asked_for(cells):
    states, share = CellStates(CENTERS), np.array([0.2, 0.2, 0.6])
    rows = states.resampled(cells, np.log(share) - np.log([1 / 2, 1 / 3, 1 / 6]))
    assert len(rows) == len(cells)
    counts = np.bincount(states.of(cells[rows]), minlength=3)
    np.testing.assert_allclose(counts, 600 * share, atol=1)
    # Cells of a state come equally often, up to one.
    times = np.bincount(rows, minlength=600)
    assert all(np.ptp(times[states.of(cells) == state]) <= 1 for state in range(3))


@pytest.mark.parametrize("n", [1, 7, 600])
def test_every_cell_comes_once_where_no_share_changes(cells, n):
    rows = CellStates(CENTERS).resampled(cells[:n], np.zeros(3))
    np.testing.assert_array_equal(rows, np.arange(n))


def test_states_survive_storage(cells):
    states = CellStates.fit(cells, seed=0)
    again = CellStates.from_stored(*states.to_stored())
    np.testing.assert_array_equal(again.of(cells), states.of(cells))
