from __future__ import annotations

import h5py
import numpy as np
import pytest

from scgde.data.stores import StreamedStore
from scgde.data.stores._hdf5_rows import hdf5_rows

LAYOUTS = {
    "a chunk a cell": {"chunks": (1, 3, 4)},
    "chunks of rows": {"chunks": (16, 3, 4), "compression": "gzip"},
    "chunks of parts of cells": {"chunks": (7, 2, 3)},
    "contiguous": {},
}


@pytest.fixture(params=LAYOUTS)
def cells(request, tmp_path):
    x = np.random.default_rng(0).integers(256, size=(100, 3, 4), dtype=np.uint8)
    with h5py.File(tmp_path / "cells.h5", "w") as file:
        yield file.create_dataset("x", data=x, **LAYOUTS[request.param])


@pytest.mark.parametrize("rows", [[0], [99], [3, 4, 5, 50, 98], range(100), range(0, 100, 7)], ids=str)
def test_rows_are_those_of_the_array(cells, rows):
    rows = np.array(rows)
    found = hdf5_rows(cells, rows)
    assert found.dtype == cells.dtype
    np.testing.assert_array_equal(found, cells[:][rows])


def test_each_chunk_is_read_once(cells, monkeypatch):
    reads, read = [], h5py.Dataset.__getitem__

    def recorded(self, selection):
        reads.append((selection.start, selection.stop))
        return read(self, selection)

    monkeypatch.setattr(h5py.Dataset, "__getitem__", recorded)
    hdf5_rows(cells, np.arange(0, 100, 2))
    height = cells.chunks[0] if cells.chunks else 100
    chunks = [start // height for start, _ in reads]
    assert len(set(chunks)) == len(chunks)
    assert all(stop <= (chunk + 1) * height for chunk, (_, stop) in zip(chunks, reads, strict=True))


def test_rows_of_a_store_may_repeat_in_any_order(cells):
    rows = np.array([50, 3, 3, 99, 0])
    np.testing.assert_array_equal(StreamedStore(cells, np.float32).rows(rows), cells[:][rows].astype(np.float32))
