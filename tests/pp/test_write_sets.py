from __future__ import annotations

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from scgde import pp

N_CELLS, N_GENES = 300, 6
KINDS = {
    "dense": np.asarray,
    "integers": lambda x: x.astype(np.int32),
    "CSR": sparse.csr_matrix,
    "CSC": sparse.csc_matrix,
    "empty": lambda x: sparse.csr_matrix(np.zeros_like(x)),
}


@pytest.fixture(params=KINDS)
def adata(request):
    return cells(KINDS[request.param])


def cells(convert=np.asarray, seed=0):
    """Cells in random order; each has its number in ``obs``, and some are in no set."""
    rng = np.random.default_rng(seed)
    x = rng.poisson(0.7, size=(N_CELLS, N_GENES)).astype(np.float32)
    donor = pd.Categorical(rng.choice(["a", "b", "c", None], size=N_CELLS, p=[0.5, 0.3, 0.1, 0.1]))
    obs = pd.DataFrame({"donor": donor, "number": np.arange(N_CELLS)}, index=[f"c{seed}_{i}" for i in range(N_CELLS)])
    var = pd.DataFrame({"length": np.arange(N_GENES)}, index=[f"g{i}" for i in range(N_GENES)])
    layers, obsm = {"counts": convert(2 * x)}, {"X_pca": x[:, :2] / 3}
    return ad.AnnData(convert(x), obs=obs, var=var, layers=layers, obsm=obsm)


def as_array(x):
    return x.toarray() if sparse.issparse(x) else np.asarray(x)


def test_every_cell_is_written_once_with_all_that_is_its_own(adata, tmp_path):
    pp.write_sets(adata, tmp_path / "sets.h5ad", "donor")
    written = ad.read_h5ad(tmp_path / "sets.h5ad")
    assert sorted(written.obs["number"]) == list(range(N_CELLS))
    before = adata[written.obs["number"].to_numpy()].copy()
    pd.testing.assert_frame_equal(written.obs, before.obs)
    pd.testing.assert_frame_equal(written.var, adata.var)
    for found, given in ((written.X, before.X), (written.layers["counts"], before.layers["counts"])):
        np.testing.assert_array_equal(as_array(found), as_array(given))
        assert found.dtype == given.dtype
        assert sparse.issparse(found) == sparse.issparse(given)
    np.testing.assert_array_equal(written.obsm["X_pca"], before.obsm["X_pca"])


def test_sets_are_contiguous_and_shuffled_within(tmp_path):
    pp.write_sets(cells(), tmp_path / "sets.h5ad", "donor")
    obs = ad.read_h5ad(tmp_path / "sets.h5ad").obs
    codes = obs["donor"].cat.codes.replace(-1, 3).to_numpy()
    assert (np.diff(codes) >= 0).all()  # cells in no set are last
    for _, numbers in obs.groupby(codes)["number"]:
        assert abs(np.corrcoef(np.arange(len(numbers)), numbers)[0, 1]) < 0.4


def test_order_depends_on_the_seed_alone(tmp_path):
    orders = []
    for i, seed in enumerate((0, 0, 1)):
        pp.write_sets(cells(), tmp_path / f"{i}.h5ad", "donor", seed=seed)
        orders.append(ad.read_h5ad(tmp_path / f"{i}.h5ad").obs["number"].tolist())
    assert orders[0] == orders[1] != orders[2]


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_matrix], ids=["dense", "CSR"])
def test_matrices_are_contiguous_and_not_compressed(convert, tmp_path):
    given = cells(convert)
    given.write_h5ad(tmp_path / "cells.h5ad", compression="gzip")
    pp.write_sets(tmp_path / "cells.h5ad", tmp_path / "sets.h5ad", "donor")
    with h5py.File(tmp_path / "sets.h5ad") as file:
        arrays = [file["X"]] if convert is np.asarray else [file["X/data"], file["X/indices"]]
        assert [(array.chunks, array.compression) for array in arrays] == [(None, None)] * len(arrays)


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_matrix], ids=["dense", "CSR"])
def test_several_files_are_as_one(convert, tmp_path):
    parts = [cells(convert, seed) for seed in (0, 1)]
    del parts[1].layers["counts"]
    parts[1].write_h5ad(tmp_path / "1.h5ad")
    pp.write_sets([parts[0], tmp_path / "1.h5ad"], tmp_path / "sets.h5ad", "donor")
    written = ad.read_h5ad(tmp_path / "sets.h5ad", backed="r").to_memory()
    both = ad.concat(parts)[written.obs_names]
    assert written.n_obs == 2 * N_CELLS
    assert "counts" not in written.layers
    np.testing.assert_array_equal(as_array(written.X), as_array(both.X))
    assert (np.diff(written.obs["donor"].cat.codes.replace(-1, 3)) >= 0).all()


def test_a_backed_adata_is_written_like_one_in_memory(tmp_path):
    given = cells(sparse.csr_matrix)
    given.write_h5ad(tmp_path / "cells.h5ad")
    pp.write_sets(given, tmp_path / "a.h5ad", "donor")
    pp.write_sets(ad.read_h5ad(tmp_path / "cells.h5ad", backed="r"), tmp_path / "b.h5ad", "donor")
    a, b = (ad.read_h5ad(tmp_path / f"{name}.h5ad") for name in "ab")
    np.testing.assert_array_equal(a.X.toarray(), b.X.toarray())


@pytest.mark.parametrize(
    ("given", "path", "groupby", "error", "match"),
    [
        (cells, "sets.zarr", "donor", ValueError, "`path` must end with '.h5ad', got"),
        (cells, "there.h5ad", "donor", FileExistsError, "is there. Pass `overwrite=True`"),
        (cells, "sets.h5ad", "clone", KeyError, "`groupby` must name columns"),
        (list, "sets.h5ad", "donor", ValueError, "at least one AnnData or path, got none"),
        (lambda: [3], "sets.h5ad", "donor", TypeError, "list of these, got int"),
        (lambda: "none.h5ad", "sets.h5ad", "donor", FileNotFoundError, "there is no file 'none.h5ad'"),
        (lambda: [cells(), cells()[:, ::-1]], "sets.h5ad", "donor", ValueError, "the same variables .* number 1"),
    ],
)
def test_bad_input_is_refused_and_leaves_no_file(given, path, groupby, error, match, tmp_path):
    (tmp_path / "there.h5ad").write_text("mine")
    with pytest.raises(error, match=match):
        pp.write_sets(given(), tmp_path / path, groupby)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("there.h5ad", "mine")]


def test_a_file_is_replaced_where_that_is_asked_for(tmp_path):
    (tmp_path / "sets.h5ad").write_text("old")
    pp.write_sets(cells(), tmp_path / "sets.h5ad", "donor", overwrite=True)
    assert ad.read_h5ad(tmp_path / "sets.h5ad").n_obs == N_CELLS


def test_a_write_that_fails_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr("scgde.pp._write_sets._write_matrix", lambda *args: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        pp.write_sets(cells(), tmp_path / "sets.h5ad", "donor")
    assert list(tmp_path.iterdir()) == []
