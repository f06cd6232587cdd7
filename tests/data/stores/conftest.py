from __future__ import annotations

import warnings

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from anndata.io import sparse_dataset
from scipy import sparse

N_CELLS, N_FEATURES = 50, 7


def as_backed(x, folder, **options):
    """``X`` of an AnnData in a file; sparse matrices have several chunks."""
    obs = pd.DataFrame(index=pd.RangeIndex(len(x) if isinstance(x, np.ndarray) else x.shape[0]).astype(str))
    ad.AnnData(X=x, obs=obs).write_h5ad(folder / "cells.h5ad", **options)
    return ad.read_h5ad(folder / "cells.h5ad", backed="r").X


def as_npy(x, folder):
    np.save(folder / "cells.npy", x)
    return np.load(folder / "cells.npy", mmap_mode="r")


def as_zarr(x, folder):
    zarr = pytest.importorskip("zarr")
    return zarr.create_array(folder / "cells.zarr", data=x, chunks=(16, N_FEATURES))


def as_zarr_rows(x, folder):
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(folder / "cells.zarr", mode="w")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "zarr v3 autosharding", UserWarning)
        ad.io.write_elem(group, "x", x)
    return sparse_dataset(group["x"])


def as_dask(x):
    array = pytest.importorskip("dask.array")
    return array.from_array(x, chunks=(16, -1))


def float32(x):
    return x.astype(np.float32)


def rows(x):
    return sparse.csr_matrix(x, dtype=np.float32)


IN_MEMORY = {
    "float32": lambda x, _: float32(x),
    "float64": lambda x, _: x.astype(np.float64),
    "integers": lambda x, _: x,
    "big-endian": lambda x, _: x.astype(">f4"),
    "fortran order": lambda x, _: np.asfortranarray(x, dtype=np.float32),
    "read-only": lambda x, _: np.broadcast_to(x.astype(np.float32), x.shape),
    "view": lambda x, _: np.repeat(x, 2, axis=1)[:, ::2],
    "CSR": lambda x, _: sparse.csr_matrix(x),
    "CSC": lambda x, _: sparse.csc_matrix(x),
    "CSR array": lambda x, _: sparse.csr_array(x),
    "CSC array": lambda x, _: sparse.csc_array(x),
}
ON_DISK = {
    "npy": lambda x, folder: as_npy(float32(x), folder),
    "h5ad": lambda x, folder: as_backed(float32(x), folder),
    "h5ad integers": lambda x, folder: as_backed(x, folder),
    "h5ad CSR": lambda x, folder: as_backed(rows(x), folder),
    "h5ad CSC": lambda x, folder: as_backed(sparse.csc_matrix(x, dtype=np.float32), folder),
    "h5ad compressed": lambda x, folder: as_backed(float32(x), folder, compression="gzip"),
    "h5ad CSR compressed": lambda x, folder: as_backed(rows(x), folder, compression="lzf"),
    "zarr": lambda x, folder: as_zarr(float32(x), folder),
    "zarr CSR": lambda x, folder: as_zarr_rows(rows(x), folder),
    "dask": lambda x, folder: as_dask(float32(x)),
    "dask CSR": lambda x, folder: as_dask(rows(x)),
}
KINDS = IN_MEMORY | ON_DISK


@pytest.fixture
def counts():
    return np.random.default_rng(0).poisson(0.6, size=(N_CELLS, N_FEATURES))


@pytest.fixture(params=KINDS)
def matrix(request, counts, tmp_path):
    """The same numbers, held in one of the ways in which a user may hold them."""
    return KINDS[request.param](counts, tmp_path)
