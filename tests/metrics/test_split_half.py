from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from scgde.metrics import energy_distance, split_half


def test_split_half_gives_disjoint_equal_halves():
    seen = []
    split_half(
        np.arange(11.0)[:, None],
        lambda a, b: seen.append((set(a.ravel()), set(b.ravel()))) or 0.0,
        n_splits=4,
    )
    assert len(seen) == 4
    assert all(len(a) == len(b) == 5 and not a & b for a, b in seen)


def test_split_half_equals_two_draws_of_half_the_cells():
    rng = np.random.default_rng(0)
    floors = [split_half(rng.normal(size=(60, 2)), energy_distance, n_splits=3) for _ in range(60)]
    draws = [energy_distance(*rng.normal(size=(2, 30, 2))) for _ in range(200)]
    assert np.mean(floors) == pytest.approx(np.mean(draws), rel=0.1)


def test_split_half_of_unbiased_energy_is_near_zero():
    x = np.random.default_rng(1).normal(size=(400, 2))
    floor = split_half(x, partial(energy_distance, unbiased=True))
    assert abs(floor) < 0.2 * split_half(x, energy_distance) + 0.01


def test_split_half_is_repeatable():
    x = np.random.default_rng(2).normal(size=(20, 2))
    assert split_half(x, energy_distance, seed=1) == split_half(x, energy_distance, seed=1)
    assert split_half(x, energy_distance, seed=1) != split_half(x, energy_distance, seed=2)


def test_split_half_refuses_one_cell():
    with pytest.raises(ValueError, match="two cells and one split or more, got 1 and"):
        split_half([[1.0]], energy_distance)
