from __future__ import annotations

import numpy as np
import pytest

from scgde.data import SetIndex


def test_from_codes_agrees_with_a_search_per_set(index, codes, sizes):
    assert index.n_sets == 40
    np.testing.assert_array_equal(index.sizes, sizes)
    for i in range(40):
        np.testing.assert_array_equal(index.rows(i), np.flatnonzero(codes == i))


def test_from_codes_ignores_cells_in_no_set(index, codes):
    np.testing.assert_array_equal(np.sort(index.cells), np.flatnonzero(codes >= 0))


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.int64])
def test_from_codes_takes_any_integers(index, codes, dtype):
    other = SetIndex.from_codes(codes.astype(dtype), 40)
    np.testing.assert_array_equal(other.cells, index.cells)
    np.testing.assert_array_equal(other.offsets, index.offsets)


def test_from_codes_keeps_the_cells_of_a_set_in_random_order():
    codes = np.zeros(1000, dtype=int)
    first, again, other = (SetIndex.from_codes(codes, 1, seed=seed).cells for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert abs(np.corrcoef(first[1:], first[:-1])[0, 1]) < 0.15


def test_from_codes_keeps_the_place_of_sets_without_cells():
    index = SetIndex.from_codes(np.array([0, 2, -1, 0]), 4)
    assert [index.rows(i).tolist() for i in range(4)] == [[0, 3], [], [1], []]


def test_take_gives_sets_in_the_order_asked_for_with_cells_in_their_random_order(index):
    taken = index.take(np.array([7, 3, 39]))
    assert taken.n_sets == 3
    for i, j in enumerate([7, 3, 39]):
        np.testing.assert_array_equal(
            taken.cells[taken.offsets[i] : taken.offsets[i + 1]], index.cells[index.offsets[j] : index.offsets[j + 1]]
        )
