from __future__ import annotations

import threading

import pytest

from scgde.data._read_ahead import ReadAhead


def test_items_come_in_order_and_each_is_made_once():
    made = []
    items = ReadAhead([3, 1, 2], lambda item: made.append(item) or 10 * item)
    assert len(items) == 3
    assert [items[i] for i in range(3)] == [30, 10, 20]
    assert made == [3, 1, 2]


def test_items_may_be_asked_for_in_any_order():
    items = ReadAhead(list(range(5)), lambda item: item)
    assert [items[i] for i in (4, 0, 0, 2)] == [4, 0, 0, 2]


def test_the_next_item_is_made_while_one_is_in_use():
    begun = [threading.Event() for _ in range(3)]
    items = ReadAhead([0, 1, 2], lambda item: begun[item].set() or item)
    assert items[0] == 0
    assert begun[1].wait(timeout=10)
    assert not begun[2].is_set()


def test_an_error_is_raised_where_the_item_is_asked_for():
    items = ReadAhead([1, 0, 2], lambda item: 1 / item)
    assert items[0] == 1
    with pytest.raises(ZeroDivisionError):
        items[1]
    assert items[2] == 0.5
