from __future__ import annotations

import itertools

import numpy as np
import pytest

from scgde.data import SetIndex, full_set_batches


@pytest.mark.parametrize("max_cells", [1, 40, 100, 10**6])
def test_whole_sets_cover_each_cell_once(index, codes, max_cells):
    weight = np.zeros(len(codes))
    seen = []
    for sets, draw in full_set_batches(index, max_cells=max_cells):
        seen.extend(sets)
        inside = draw.weights > 0
        np.testing.assert_array_equal(inside.sum(1), index.sizes[sets])
        np.testing.assert_array_equal(codes[draw.rows], np.broadcast_to(sets[:, None], draw.rows.shape))
        np.add.at(weight, draw.rows[inside], draw.weights[inside])
    assert sorted(seen) == list(range(index.n_sets))
    expected = np.where(codes >= 0, 1 / index.sizes[codes], 0)
    np.testing.assert_allclose(weight, expected, rtol=1e-6)


@pytest.mark.parametrize("max_cells", [40, 100, 10**6])
def test_whole_sets_respect_max_cells(index, max_cells):
    batches = list(full_set_batches(index, max_cells=max_cells))
    assert all(draw.rows.size <= max_cells for _, draw in batches)
    # The next set would not have fitted.
    for (sets, _), (following, _) in itertools.pairwise(batches):
        assert (len(sets) + 1) * index.sizes[following[0]] > max_cells


def test_a_set_above_max_cells_comes_alone(index):
    large = [draw.rows.shape for _, draw in full_set_batches(index, max_cells=30) if draw.rows.shape[1] > 30]
    assert large == [(1, size) for size in range(31, 41)]


def test_sets_of_one_size_are_not_padded():
    index = SetIndex.from_codes(np.repeat(np.arange(10), 4), 10)
    for _, draw in full_set_batches(index, max_cells=12):
        np.testing.assert_array_equal(draw.weights, np.full(draw.rows.shape, 0.25))


def test_sets_without_cells_are_left_out():
    ((sets, draw),) = full_set_batches(SetIndex.from_codes(np.array([1, 3, 3]), 5), max_cells=100)
    assert sets.tolist() == [1, 3]
    np.testing.assert_array_equal(draw.weights, [[1, 0], [0.5, 0.5]])


def test_no_sets_give_no_batches():
    assert list(full_set_batches(SetIndex.from_codes(np.array([-1]), 0), max_cells=10)) == []
