from __future__ import annotations

import numpy as np
import torch

from scgde.data import BatchSpec, SetBatchDataset, SetIndex
from scgde.data._widths import WIDTHS, width_classes


def weights_of(counts, n_slots):
    return (np.arange(n_slots) < np.array(counts)[:, None]).astype(np.float32)


def test_classes_hold_each_set_once_in_the_narrowest_width():
    counts = np.array([1, 8, 9, 64, 65, 100, 3, 33])
    found = width_classes(weights_of(counts, 100))
    assert [(width, sets.tolist()) for width, sets in found] == [
        (8, [0, 1, 6]),
        (16, [2]),
        (64, [3, 7]),
        (100, [4, 5]),
    ]


def test_a_batch_without_narrow_sets_has_no_classes():
    assert width_classes(weights_of([100, 65], 100)) == ()
    assert width_classes(weights_of([5, 1], 5)) == ()


def test_an_empty_slot_between_others_is_kept():
    weights = weights_of([20], 100)
    weights[0, 3] = 0
    assert [width for width, _ in width_classes(weights)] == [32]


def test_slots_beyond_the_width_of_a_set_are_empty():
    index = SetIndex.from_codes(np.repeat(np.arange(40), np.arange(1, 41)), 40)
    spec = BatchSpec(30, 100, 6)
    batch = SetBatchDataset(index, np.arange(40), spec, steps=range(3), seed=0)[1]
    assert {width for width, _ in batch.widths} <= {*WIDTHS, batch.encoder.x.shape[1]}
    torch.testing.assert_close(torch.cat([sets for _, sets in batch.widths]).sort()[0], torch.arange(30))
    for width, sets in batch.widths:
        inside = batch.encoder.weights[sets, :width].sum(1)
        torch.testing.assert_close(inside, torch.ones(len(sets)))
