from __future__ import annotations

import numpy as np
import pytest

from scgde.stats import predictability


@pytest.mark.parametrize("relabelled", [[0, 1, 2], [2, 0, 1], [1, 1, 0]])
def test_relabellings_and_coarser_labels_are_known(relabelled):
    known = np.repeat([0, 1, 2], 4)
    assert predictability(known, np.array(relabelled)[known]) == 1


def test_labels_of_their_own_for_each_unit_tell_nothing():
    assert predictability(np.arange(10), np.arange(10) % 2) == 0
    assert predictability(np.repeat([0, 1], 5), np.zeros(10, dtype=int)) == 0


def test_share_of_errors_that_are_avoided():
    """Four of ten guesses are wrong without the known label, one with it."""
    known, values = np.array([0] * 6 + [1] * 4), np.array([0] * 6 + [1] * 3 + [0])
    assert predictability(known, values) == pytest.approx(1 - 1 / 3)


def test_unrelated_labels_are_not_known():
    rng = np.random.default_rng(0)
    found = [predictability(rng.integers(0, 2, 20), rng.integers(0, 3, 20)) for _ in range(300)]
    assert np.mean(found) < 0.05
    assert np.quantile(found, 0.99) < 0.5
