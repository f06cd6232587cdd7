from __future__ import annotations

import anndata as ad
import h5py
import numpy as np
import pytest
from anndata.io import sparse_dataset
from scipy import sparse

from scgde.data.stores import MappedRows, map_file


@pytest.fixture
def x():
    return np.random.default_rng(0).poisson(0.5, size=(20_000, 30)).astype(np.float32)


@pytest.fixture
def backed(tmp_path):
    def write(x, **options):
        ad.AnnData(x).write_h5ad(tmp_path / "cells.h5ad", **options)
        return ad.read_h5ad(tmp_path / "cells.h5ad", backed="r").X

    return write


def test_dense_arrays_as_anndata_writes_them_are_mapped(backed, x):
    mapped = map_file(backed(x))
    assert isinstance(mapped, np.memmap)
    np.testing.assert_array_equal(mapped, x)


def test_matrices_by_row_as_anndata_writes_them_are_mapped(backed, x):
    found = backed(sparse.csr_matrix(x))
    mapped, rows = map_file(found), np.random.default_rng(1).integers(len(x), size=500)
    assert isinstance(mapped, MappedRows)
    assert found.group["data"].id.get_num_chunks() > 3  # these lie anywhere in the file
    np.testing.assert_array_equal(mapped[rows].toarray(), x[rows])
    np.testing.assert_array_equal(mapped[100:3000].toarray(), x[100:3000])


@pytest.mark.parametrize("n_bytes", [1, 2, 3])
def test_rows_that_begin_at_an_odd_byte_are_mapped(tmp_path, x, n_bytes):
    with h5py.File(tmp_path / "odd.h5", "w") as file:
        file.create_dataset("before", data=np.zeros(n_bytes, dtype=np.uint8), chunks=(n_bytes,))
        ad.io.write_elem(file, "x", sparse.csr_matrix(x[:12]))
    with h5py.File(tmp_path / "odd.h5") as file:
        assert file["x/data"].id.get_chunk_info(0).byte_offset % 4 != 0
        mapped = map_file(sparse_dataset(file["x"]))
        assert isinstance(mapped, MappedRows)
        np.testing.assert_array_equal(mapped[np.arange(12)].toarray(), x[:12])


def test_rows_without_values_are_zero(backed):
    x = np.zeros((5, 4), dtype=np.float32)
    x[2, 1], x[4, 3] = 3, 2
    rows = np.array([0, 4, 2, 0])
    np.testing.assert_array_equal(map_file(backed(sparse.csr_matrix(x)))[rows].toarray(), x[rows])


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_matrix, sparse.csc_matrix], ids=["dense", "CSR", "CSC"])
def test_compressed_arrays_stay_as_they_are(backed, x, convert):
    found = backed(convert(x[:100]), compression="gzip")
    assert map_file(found) is found


def test_files_that_may_change_stay_as_they_are(tmp_path, x):
    with h5py.File(tmp_path / "cells.h5", "w") as file:
        dense, empty = file.create_dataset("x", data=x), file.create_dataset("empty", shape=(0, 3), dtype="f4")
        assert map_file(dense) is dense
        assert map_file(empty) is empty


def test_a_file_in_memory_stays_as_it_is(x):
    with h5py.File("cells.h5", "w", driver="core", backing_store=False) as file:
        ad.io.write_elem(file, "x", sparse.csr_matrix(x[:12]))
        found = sparse_dataset(file["x"])
        assert map_file(found) is found


def test_a_dataset_that_was_never_written_stays_as_it_is(tmp_path):
    with h5py.File(tmp_path / "cells.h5", "w") as file:
        file.create_dataset("x", shape=(4, 3), dtype="f4")
    with h5py.File(tmp_path / "cells.h5") as file:
        found = file["x"]
        assert map_file(found) is found


def test_a_file_with_a_user_block_is_read_at_the_right_place(tmp_path, x):
    with h5py.File(tmp_path / "cells.h5", "w", userblock_size=512) as file:
        file.create_dataset("x", data=x[1:])
    with h5py.File(tmp_path / "cells.h5") as file:
        np.testing.assert_array_equal(map_file(file["x"])[:7], x[1:8])
