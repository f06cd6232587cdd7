from __future__ import annotations

import numpy as np
import pytest
import torch

from scgde.data.stores import DenseStore

CPU, META = torch.device("cpu"), torch.device("meta")


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)


def test_an_array_within_the_budget_is_held_on_an_accelerator(x):
    assert DenseStore(x, max_device_bytes=x.nbytes).is_held_on(META)
    assert not DenseStore(x, max_device_bytes=x.nbytes - 1).is_held_on(META)
    assert not DenseStore(x).is_held_on(CPU)


def test_the_budget_is_that_of_the_converted_cells(x):
    assert DenseStore(x.astype(np.float64), max_device_bytes=x.nbytes).is_held_on(META)


def test_rows_on_an_accelerator_are_taken_there(x):
    store, rows = DenseStore(x), torch.empty((2, 4), dtype=torch.int64, device=META)
    gathered = store.gather(rows)
    assert (gathered.device, gathered.shape, gathered.dtype) == (META, (2, 4, 3), torch.float32)
    held = store._on_device
    store.gather(rows)
    assert store._on_device is held  # moved once


def test_a_moved_array_has_the_same_values(x):
    np.testing.assert_array_equal(DenseStore(x.astype(np.float64))._moved_to(CPU), x)
