from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse

from scgde.data import blocks, open_store
from scgde.data._stores import ResidentStore, StreamedStore

N_CELLS, N_FEATURES = 50, 7
ROWS = torch.tensor([[3, 3, 49], [0, 12, 3]])
KINDS = {
    "float32": lambda x: x.astype(np.float32),
    "float64": lambda x: x.astype(np.float64),
    "integers": lambda x: x,
    "fortran order": lambda x: np.asfortranarray(x, dtype=np.float32),
    "read-only": lambda x: np.broadcast_to(x.astype(np.float32), x.shape),
    "view": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "CSR": sparse.csr_matrix,
    "CSC": sparse.csc_matrix,
    "CSR array": sparse.csr_array,
    "CSC array": sparse.csc_array,
    "backed dense": lambda x: x.astype(np.float32),
    "backed CSR": lambda x: sparse.csr_matrix(x, dtype=np.float32),
    "backed CSC": lambda x: sparse.csc_matrix(x, dtype=np.float32),
}


@pytest.fixture
def counts():
    return np.random.default_rng(0).poisson(0.6, size=(N_CELLS, N_FEATURES))


@pytest.fixture(params=KINDS)
def matrix(request, counts, tmp_path):
    """The same numbers, held in one of the ways in which a user may hold them."""
    x = KINDS[request.param](counts)
    if not request.param.startswith("backed"):
        yield x
        return
    obs = pd.DataFrame(index=pd.RangeIndex(N_CELLS).astype(str))
    ad.AnnData(X=x, obs=obs).write_h5ad(tmp_path / "cells.h5ad")
    adata = ad.read_h5ad(tmp_path / "cells.h5ad", backed="r")
    yield adata.X
    adata.file.close()


@pytest.mark.parametrize("max_bytes", [0, 10**6], ids=["streamed", "resident"])
@pytest.mark.parametrize("rows", [ROWS, ROWS[0], torch.arange(N_CELLS).flip(0)], ids=["batch", "one set", "all"])
def test_gather_is_the_same_from_anywhere(matrix, counts, max_bytes, rows):
    store = open_store(matrix, max_bytes=max_bytes)
    gathered = store.gather(rows)
    assert store.shape == (N_FEATURES,)
    assert gathered.dtype == torch.float32
    np.testing.assert_array_equal(gathered.numpy(), counts[rows.numpy()])


@pytest.mark.parametrize("n_rows", [1, 16, 1000])
def test_blocks_cover_the_matrix_in_order(matrix, counts, n_rows):
    starts, parts = zip(*blocks(matrix, n_rows=n_rows), strict=True)
    assert starts == tuple(range(0, N_CELLS, n_rows))
    assert all(part.dtype == np.float32 for part in parts)
    np.testing.assert_array_equal(np.concatenate(parts), counts)


@pytest.mark.parametrize("store", [ResidentStore, StreamedStore])
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


def test_cells_are_streamed_only_where_they_do_not_fit(counts):
    n_bytes = 4 * counts.size
    resident, streamed = (open_store(counts, max_bytes=limit) for limit in (n_bytes, n_bytes - 1))
    assert isinstance(resident, ResidentStore)
    assert isinstance(streamed, StreamedStore)


@pytest.mark.parametrize(("convert", "kind"), [(np.asarray, StreamedStore), (np.float32, ResidentStore)], ids=str)
def test_a_few_rows_are_streamed_unless_they_are_in_memory_as_they_are_needed(counts, convert, kind):
    assert isinstance(open_store(convert(counts), all_rows=False), kind)
    assert isinstance(open_store(sparse.csr_matrix(convert(counts)), all_rows=False), StreamedStore)


@pytest.mark.parametrize("dtype", [np.float32, np.int64], ids=str)
def test_an_array_of_the_right_type_is_resident_at_any_size_and_not_copied(counts, dtype):
    x = counts.astype(dtype)
    store = open_store(x, dtype=dtype, max_bytes=0)
    assert isinstance(store, ResidentStore)
    assert np.shares_memory(store._x.numpy(), x)


@pytest.mark.parametrize("convert", [np.asarray, np.float32, sparse.csr_matrix], ids=["integers", "float32", "CSR"])
def test_gathered_cells_are_not_those_of_the_user(counts, convert):
    x = convert(counts)
    open_store(x).gather(ROWS).zero_()
    open_store(x).rows(np.arange(N_CELLS))[:] = 0
    np.testing.assert_array_equal(x.toarray() if sparse.issparse(x) else x, counts)
