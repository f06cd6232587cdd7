from __future__ import annotations

import numpy as np
import pytest

from scgde.model import _training_cells
from scgde.model._training_cells import training_blocks
from scgde.sets import SetIndex, open_features


@pytest.fixture
def x():
    return np.random.default_rng(0).normal([1, -2, 3], [0.5, 2, 0], size=(60, 3)).astype(np.float32)


@pytest.fixture
def index():
    return SetIndex.from_codes(np.repeat([0, 1, 2, -1], 15), 3)


@pytest.mark.parametrize("n_rows", [7, 1000])
def test_blocks_are_the_cells_of_the_given_sets_once_each(x, index, monkeypatch, n_rows):
    monkeypatch.setattr(_training_cells, "_VALUES_PER_READ", 3 * n_rows)
    blocks = [block.numpy() for block in training_blocks(open_features(x), index, np.array([2, 0]))]
    assert max(map(len, blocks)) <= n_rows
    np.testing.assert_array_equal(np.concatenate(blocks), np.concatenate([x[:15], x[30:45]]))
