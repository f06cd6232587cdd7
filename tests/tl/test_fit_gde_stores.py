"""One sampler, many engines: where the cells are decides nothing but the time."""

from __future__ import annotations

import warnings

import anndata as ad
import numpy as np
import pytest
from scipy import sparse

from scgde import tl
from scgde.data._datamodule import _VALIDATION_BATCHES
from scgde.data.stores import DenseStore, _open

FIT = {"max_steps": 6, "set_size": 20, "validation_fraction": 0.2, "train_kwargs": {"steps_per_validation": 3}}


def cells(convert=np.asarray):
    """Ten sets of 30 cells with twelve genes."""
    rng = np.random.default_rng(0)
    x = np.log1p(rng.poisson(rng.gamma(2, size=(10, 12)).repeat(30, axis=0))).astype(np.float32)
    return ad.AnnData(convert(x), obs={"donor": np.repeat(list("abcdefghij"), 30)})


def backed(folder, convert, **options):
    cells(convert).write_h5ad(folder / "cells.h5ad", **options)
    return ad.read_h5ad(folder / "cells.h5ad", backed="r")


def dask(folder):
    array = pytest.importorskip("dask.array")
    adata = cells()
    adata.X = array.from_array(adata.X, chunks=(32, -1))
    return adata


def mapped(folder):
    adata = cells()
    np.save(folder / "x.npy", adata.X)
    adata.X = np.load(folder / "x.npy", mmap_mode="r")
    return adata


def written_as_zarr(folder, convert=np.asarray):
    pytest.importorskip("zarr")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Writing zarr v2", UserWarning)
        cells(convert).write_zarr(folder / "cells.zarr")
    return folder / "cells.zarr"


def in_zarr(folder):
    zarr = pytest.importorskip("zarr")
    array = zarr.open(written_as_zarr(folder), mode="r")["X"]
    return ad.AnnData(array, obs=cells().obs)


def lazy(folder, convert=np.asarray):
    pytest.importorskip("dask.array")
    if not hasattr(ad.experimental, "read_lazy"):
        pytest.skip("needs anndata 0.12")
    adata = ad.experimental.read_lazy(written_as_zarr(folder, convert))
    adata.obs = adata.obs.to_memory()
    return adata


ENGINES = {
    "float64": lambda folder: cells(np.float64),
    "CSR": lambda folder: cells(sparse.csr_matrix),
    "CSC": lambda folder: cells(sparse.csc_matrix),
    "h5ad": lambda folder: backed(folder, np.asarray),
    "h5ad CSR": lambda folder: backed(folder, sparse.csr_matrix),
    "h5ad compressed": lambda folder: backed(folder, np.asarray, compression="gzip"),
    "npy": mapped,
    "zarr": in_zarr,
    "dask": dask,
    "read_lazy": lazy,
    "read_lazy CSR": lambda folder: lazy(folder, sparse.csr_matrix),
}


@pytest.fixture(scope="module")
def state_of(fit):
    """Weights of a fit."""
    return lambda adata: {name: value.numpy() for name, value in fit(adata, "donor", **FIT).module.state_dict().items()}


@pytest.fixture(scope="module")
def expected(state_of):
    return state_of(cells())


@pytest.mark.filterwarnings("ignore:Cells of:UserWarning")
@pytest.mark.parametrize("max_bytes", [0, 10**6], ids=["streamed", "copied"])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_fit_is_the_same_from_every_store(engine, max_bytes, state_of, expected, tmp_path, monkeypatch):
    monkeypatch.setattr(_open, "MAX_COPY_BYTES", max_bytes)
    found = state_of(ENGINES[engine](tmp_path))
    assert found.keys() == expected.keys()
    for name, value in found.items():
        np.testing.assert_array_equal(value, expected[name], err_msg=name)


def test_a_fit_reads_each_view_of_a_batch_once(fit, monkeypatch):
    """More steps cost two reads each, and more validations two for each of their batches."""
    reads, rows = [], DenseStore.rows
    monkeypatch.setattr(DenseStore, "rows", lambda self, some: reads.append(len(some)) or rows(self, some))

    def n_reads(**options):
        reads.clear()
        fit(cells(), "donor", **FIT | options)
        return len(reads)

    once = {"steps_per_validation": 12}
    assert n_reads(max_steps=12, train_kwargs=once) - n_reads(max_steps=6, train_kwargs=once) == 2 * 6
    twice = n_reads(max_steps=12, train_kwargs={"steps_per_validation": 6})
    assert twice - n_reads(max_steps=12, train_kwargs=once) == 2 * _VALIDATION_BATCHES


def test_a_slow_store_is_named_once(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(_open, "MAX_COPY_BYTES", 0)
    adata = backed(tmp_path, np.asarray, compression="gzip")
    with pytest.warns(UserWarning, match=r"`adata.X` are read slowly: random rows .* `scgde.pp.write_sets`") as caught:
        tl.fit_gde(adata, "donor", **tiny | FIT)
    assert sum("read slowly" in str(warning.message) for warning in caught) == 1
    assert caught[0].filename == __file__
