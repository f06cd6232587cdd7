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


def test_from_codes_puts_the_cells_of_a_set_in_random_order():
    codes = np.zeros(1000, dtype=int)
    first, again, other = (SetIndex.from_codes(codes, 1, seed=seed).cells for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert abs(np.corrcoef(first[1:], first[:-1])[0, 1]) < 0.15


def test_from_codes_counts_sets_without_cells():
    index = SetIndex.from_codes(np.array([0, 2, -1, 0]), 4)
    assert [index.rows(i).tolist() for i in range(4)] == [[0, 3], [], [1], []]


def test_take_gives_sets_in_the_order_asked_for_with_cells_in_their_random_order(index):
    taken = index.take(np.array([7, 3, 39]))
    assert taken.n_sets == 3
    for i, j in enumerate([7, 3, 39]):
        np.testing.assert_array_equal(
            taken.cells[taken.offsets[i] : taken.offsets[i + 1]], index.cells[index.offsets[j] : index.offsets[j + 1]]
        )


def test_take_of_no_change_is_the_identity(index):
    taken = index.take(np.arange(40))
    np.testing.assert_array_equal(taken.cells, index.cells)
    np.testing.assert_array_equal(taken.offsets, index.offsets)


def test_from_rows_holds_the_given_rows_in_their_order():
    rows = [np.array([7, 2, 2]), np.array([], dtype=int), np.array([5])]
    index = SetIndex.from_rows(rows)
    assert index.n_sets == 3
    assert index.cells.tolist() == [7, 2, 2, 5]
    assert index.sizes.tolist() == [3, 0, 1]
    assert [index.rows(i).tolist() for i in range(3)] == [[2, 2, 7], [], [5]]


@pytest.mark.parametrize("max_cells", [1, 7, 40, 1000])
def test_first_cells_are_the_first_in_the_random_order(index, sizes, max_cells):
    first = index.first_cells(max_cells)
    np.testing.assert_array_equal(first.sizes, np.minimum(sizes, max_cells))
    for i in range(40):
        whole = index.cells[index.offsets[i] : index.offsets[i + 1]]
        np.testing.assert_array_equal(first.cells[first.offsets[i] : first.offsets[i + 1]], whole[:max_cells])


def test_first_cells_count_sets_without_cells():
    first = SetIndex.from_codes(np.array([0, 2, -1, 0]), 4).first_cells(1)
    assert first.sizes.tolist() == [1, 0, 1, 0]


def test_effective_size_is_the_size_where_weights_are_equal():
    codes = np.array([0, 0, 1, 1, 1, -1])
    index = SetIndex.from_codes(codes, 2, weights=np.array([2.0, 2.0, 1.0, 1.0, 1.0, 9.0]))
    np.testing.assert_allclose(index.effective_sizes, [2, 3])
    heavy = index._replace(weights=np.array([1.0, 0.0001, 1.0, 1.0, 2.0, 9.0]))
    np.testing.assert_allclose(heavy.effective_sizes, [1, 16 / 6], rtol=1e-3)
    np.testing.assert_allclose(heavy.take(np.array([1])).first_cells(10).effective_sizes, [16 / 6])


def test_weights_of_drawn_rows_sum_to_one():
    index = SetIndex.from_codes(np.array([0, 0, 0]), 1, weights=np.array([1.0, 2.0, 5.0]))
    rows = np.array([[0, 1, 1, 2]])
    np.testing.assert_allclose(index.normalised(rows, np.array([[1, 0.5, 0.5, 0]])), [[1 / 3, 1 / 3, 1 / 3, 0]])


def test_sizes_of_some_sets_are_those_of_all(index, sizes):
    sets = np.array([[3, 0], [39, 3]])
    np.testing.assert_array_equal(index.sizes_of(sets), sizes[sets])
    np.testing.assert_array_equal(index.sizes_of(np.arange(40)), index.sizes)
