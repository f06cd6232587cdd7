from __future__ import annotations

import numpy as np
import pytest

from scgde.data import SetIndex, draw_views

#: Slots of the two views; the sets of the fixture have 1 to 40 cells.
SLOTS = [(20, 10), (5, 3), (3, 9), (1, 1), (64, 32)]


def views_of(index, sets=None, *, set_size=20, target_size=10, disjoint=True, seed=0):
    sets = np.arange(index.n_sets) if sets is None else sets
    rng = np.random.default_rng(seed)
    return draw_views(index, sets, set_size=set_size, target_size=target_size, disjoint=disjoint, rng=rng)


def one_set(size):
    return SetIndex.from_codes(np.zeros(size, dtype=int), 1)


def distinct(draw):
    return [np.unique(rows) for rows in draw.rows]


@pytest.fixture(params=SLOTS, ids=str)
def slots(request):
    return dict(zip(("set_size", "target_size"), request.param, strict=True))


@pytest.mark.parametrize("disjoint", [True, False])
def test_views_have_the_asked_slots_and_rows_of_their_set_only(index, codes, slots, disjoint):
    for draw, n_slots in zip(views_of(index, **slots, disjoint=disjoint), slots.values(), strict=True):
        assert draw.rows.shape == draw.weights.shape == (40, n_slots)
        np.testing.assert_array_equal(codes[draw.rows], np.broadcast_to(np.arange(40)[:, None], (40, n_slots)))


@pytest.mark.parametrize("disjoint", [True, False])
def test_a_view_is_the_empirical_measure_of_its_distinct_cells(index, codes, slots, disjoint):
    x = np.random.default_rng(2).normal(size=len(codes))
    for draw in views_of(index, **slots, disjoint=disjoint):
        assert draw.weights.dtype == np.float32
        np.testing.assert_allclose(draw.weights.sum(1), 1, rtol=1e-5)
        expected = [x[rows].mean() for rows in distinct(draw)]
        np.testing.assert_allclose((x[draw.rows] * draw.weights).sum(1), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("disjoint", [True, False])
def test_encoder_view_is_padded_and_target_view_repeated(index, slots, disjoint):
    encoder, target = views_of(index, **slots, disjoint=disjoint)
    n_seen = np.array([len(rows) for rows in distinct(encoder)])
    slot = np.arange(encoder.rows.shape[1])
    np.testing.assert_array_equal(encoder.weights > 0, slot < n_seen[:, None])
    assert (target.weights > 0).all()


def test_disjoint_views_share_no_cell_but_that_of_a_set_of_one(index, sizes, slots):
    encoder, generator = (distinct(draw) for draw in views_of(index, **slots))
    for size, seen, target in zip(sizes, encoder, generator, strict=True):
        assert len(np.intersect1d(seen, target)) == (size == 1)


def test_disjoint_views_use_as_many_cells_as_there_are(index, sizes, slots):
    encoder, generator = (distinct(draw) for draw in views_of(index, **slots))
    n_target = np.clip(sizes // 2, 1, slots["target_size"])
    np.testing.assert_array_equal([len(rows) for rows in generator], n_target)
    n_seen = np.clip(sizes - n_target, 1, slots["set_size"])
    np.testing.assert_array_equal([len(rows) for rows in encoder], n_seen)


def test_joint_views_come_from_the_same_cells(index, sizes, slots):
    encoder, generator = (distinct(draw) for draw in views_of(index, **slots, disjoint=False))
    for size, seen, target in zip(sizes, encoder, generator, strict=True):
        assert (len(seen), len(target)) == tuple(np.minimum(size, list(slots.values())))
        assert len(np.intersect1d(seen, target)) == min(len(seen), len(target))


@pytest.mark.parametrize("disjoint", [True, False])
def test_slots_are_filled_with_distinct_cells_where_the_set_has_enough(disjoint):
    for draw in views_of(one_set(30), np.zeros(50, dtype=int), disjoint=disjoint):
        n_slots = draw.rows.shape[1]
        assert [len(rows) for rows in distinct(draw)] == [n_slots] * 50
        np.testing.assert_array_equal(draw.weights, np.full((50, n_slots), np.float32(1 / n_slots)))


@pytest.mark.parametrize("disjoint", [True, False])
@pytest.mark.parametrize("size", [2, 7, 9, 29, 30, 31, 200])
def test_every_cell_is_equally_likely(size, disjoint):
    n_draws = 4000
    for draw in views_of(one_set(size), np.zeros(n_draws, dtype=int), disjoint=disjoint):
        drawn = np.concatenate(distinct(draw))
        share = len(drawn) / n_draws / size
        deviation = np.bincount(drawn, minlength=size) - n_draws * share
        # Mean square of standard scores: 1 under equal chances, up to the spread of a chi-square / df.
        score = np.mean(deviation**2) / max(n_draws * share * (1 - share), 1e-9)
        assert score < 1 + 6 * np.sqrt(2 / size)


def test_every_order_is_equally_likely():
    # All cells are drawn each time; their order is random.
    draw = views_of(one_set(8), np.zeros(4000, dtype=int), set_size=8, target_size=1, disjoint=False).encoder
    counts = np.stack([np.bincount(column, minlength=8) for column in draw.rows.T])
    assert np.mean((counts - 500) ** 2) / 437.5 < 1.8


def test_views_of_one_cell_repeat_it():
    for draw in views_of(one_set(1), np.zeros(3, dtype=int)):
        assert not draw.rows.any()
        np.testing.assert_allclose(draw.weights.sum(1), 1, rtol=1e-5)


def test_a_set_that_comes_twice_is_drawn_twice(index, sizes):
    largest = np.full(2, sizes.argmax())
    encoder = views_of(index, largest).encoder
    assert (np.sort(encoder.rows[0]) != np.sort(encoder.rows[1])).any()


def test_draws_depend_on_the_rng_only(index):
    first, again, other = (views_of(index, seed=seed) for seed in (1, 1, 2))
    for a, b, c in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(a.rows, b.rows)
        np.testing.assert_array_equal(a.weights, b.weights)
        assert (a.rows != c.rows).any()
