from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse

from scgde.data import open_store
from scgde.data.stores import DenseStore, SparseStore, StreamedStore

N_CELLS, N_FEATURES = 50, 7
ROWS = torch.tensor([[3, 3, 49], [0, 12, 3]])


@pytest.mark.parametrize("max_bytes", [0, 10**6], ids=["streamed", "resident"])
@pytest.mark.parametrize("rows", [ROWS, ROWS[0], torch.arange(N_CELLS).flip(0)], ids=["batch", "one set", "all"])
def test_gather_is_the_same_from_anywhere(matrix, counts, max_bytes, rows):
    store = open_store(matrix, max_bytes=max_bytes)
    gathered = store.gather(rows)
    assert store.shape == (N_FEATURES,)
    assert gathered.dtype == torch.float32
    np.testing.assert_array_equal(gathered.numpy(), counts[rows.numpy()])


@pytest.mark.parametrize("store", [DenseStore, StreamedStore])
def test_stores_agree_on_cells_of_any_shape(store):
    x = np.random.default_rng(0).normal(size=(N_CELLS, 2, 3, 4))
    made = store(x)
    assert made.shape == (2, 3, 4)
    np.testing.assert_array_equal(made.gather(ROWS).numpy(), x[ROWS.numpy()].astype(np.float32))


@pytest.mark.parametrize("dtype", [np.float32, np.int64, "int32"], ids=str)
@pytest.mark.parametrize("max_bytes", [0, 10**6], ids=["streamed", "resident"])
def test_cells_are_of_the_type_asked_for_and_as_exact(matrix, counts, max_bytes, dtype):
    rows = np.array([49, 0, 3, 3])
    found = open_store(matrix, dtype=dtype, max_bytes=max_bytes).rows(rows)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, counts[rows])


@pytest.mark.parametrize("max_bytes", [0, 10**6], ids=["streamed", "resident"])
def test_large_integers_are_exact(max_bytes):
    x = 2**40 + np.arange(12).reshape(4, 3)
    np.testing.assert_array_equal(open_store(x, dtype=np.int64, max_bytes=max_bytes).rows(np.array([3, 1])), x[[3, 1]])


@pytest.mark.parametrize("max_bytes", [0, 10**6], ids=["streamed", "resident"])
def test_rows_are_what_gather_gives(matrix, counts, max_bytes):
    rows = np.array([49, 0, 3, 3])
    found = open_store(matrix, max_bytes=max_bytes).rows(rows)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, counts[rows])


@pytest.mark.parametrize("max_bytes", [0, 10**6], ids=["streamed", "resident"])
def test_no_rows_are_an_empty_array(matrix, max_bytes):
    assert open_store(matrix, max_bytes=max_bytes).rows(np.arange(0)).shape == (0, N_FEATURES)


def test_cells_are_copied_only_where_they_fit(counts):
    x = sparse.csr_matrix(counts)
    n_bytes = 4 * counts.size
    copied, streamed = (open_store(x, max_bytes=limit) for limit in (n_bytes, n_bytes - 1))
    assert isinstance(copied, DenseStore)
    assert isinstance(streamed, SparseStore)


def test_a_few_rows_are_worth_no_copy(counts):
    assert isinstance(open_store(sparse.csr_matrix(counts), all_rows=False), SparseStore)
    assert open_store(counts, all_rows=False)._x is counts


@pytest.mark.parametrize("dtype", [np.float32, np.int64], ids=str)
def test_an_array_of_the_right_type_is_never_copied(counts, dtype):
    x = counts.astype(dtype)
    assert open_store(x, dtype=dtype)._x is x


@pytest.mark.parametrize("convert", [np.float64, np.asfortranarray], ids=["f8", "order"])
def test_a_matrix_above_the_budget_is_never_copied(counts, convert):
    x = convert(counts)
    assert open_store(x, max_bytes=0)._x is x


def test_a_sparse_matrix_above_the_budget_is_never_copied(counts):
    x = sparse.csr_matrix(counts)
    assert open_store(x, max_bytes=0)._x.data is x.data


def test_indices_and_row_starts_may_be_of_different_types(counts):
    x = sparse.csr_matrix(counts)
    x.indptr = x.indptr.astype(np.int64)
    np.testing.assert_array_equal(open_store(x, max_bytes=0).gather(ROWS), counts[ROWS.numpy()])


def test_stores_tell_which_of_them_are_slow(matrix, request):
    name = request.node.callspec.params["matrix"]
    slow = open_store(matrix, max_bytes=0).slow
    lazy = {
        "fortran order",
        "h5ad CSC",
        "h5ad compressed",
        "h5ad CSR compressed",
        "zarr",
        "zarr CSR",
        "dask",
        "dask CSR",
    }
    assert (slow is not None) == (name in lazy)
    assert open_store(matrix).slow is None


@pytest.mark.parametrize("convert", [np.asarray, np.float32, sparse.csr_matrix], ids=["integers", "float32", "CSR"])
def test_gathered_cells_are_not_those_of_the_user(counts, convert):
    x = convert(counts)
    open_store(x).gather(ROWS).zero_()
    open_store(x).rows(np.arange(N_CELLS))[:] = 0
    np.testing.assert_array_equal(x.toarray() if sparse.issparse(x) else x, counts)
