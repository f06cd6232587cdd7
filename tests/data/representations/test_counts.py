from __future__ import annotations

import json

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.decomposition import PCA

from scgde.data import SetIndex, blocks
from scgde.data.representations import Components, Counts, Vectors
from scgde.data.representations._count_projection import CountProjection, log_normalized

N_CELLS, N_GENES = 300, 80
ALL = np.arange(N_CELLS)


@pytest.fixture
def adata() -> ad.AnnData:
    """Counts with two programs, by which cells differ, in a layer."""
    rng = np.random.default_rng(0)
    log_rate = rng.normal(0, 0.5, N_GENES) + rng.normal(size=(N_CELLS, 2)) @ rng.normal(0, 0.7, (2, N_GENES))
    depth = 20 * np.exp(0.4 * rng.standard_normal((N_CELLS, 1)))
    counts = rng.poisson(depth * np.exp(log_rate) / np.exp(log_rate).mean(axis=1, keepdims=True) / 20)
    adata = ad.AnnData(var=pd.DataFrame(index=[f"gene_{i}" for i in range(N_GENES)]), shape=counts.shape)
    adata.layers["counts"] = sparse.csr_matrix(counts.astype(np.int32))
    return adata


@pytest.fixture
def components(adata) -> Components:
    return Components.from_adata(adata, use_rep=None, layer="counts").fit(adata, ALL)


def test_log_normalized_is_the_formula_of_dense_counts(adata):
    counts = adata.layers["counts"].toarray()
    library = counts.sum(axis=1, keepdims=True)
    found = log_normalized(adata.layers["counts"].astype(np.float32), 100.0).toarray()
    np.testing.assert_allclose(found, np.log1p(counts / library * 100), rtol=1e-5)


def test_components_are_those_of_a_dense_pca(adata, components):
    counts = adata.layers["counts"].toarray()
    library = counts.sum(axis=1, keepdims=True)
    values = np.log1p(counts / library * np.median(library))
    truth = PCA(50, svd_solver="full").fit_transform(values)
    found = components.read(adata)
    assert found.shape == (N_CELLS, 50)
    for i in range(5):
        sign = np.sign(found[:, i] @ truth[:, i])
        np.testing.assert_allclose(found[:, i], sign * truth[:, i], atol=2e-3)
    np.testing.assert_allclose(np.square(found).sum(axis=0), np.square(truth).sum(axis=0), rtol=1e-3)


@pytest.mark.parametrize("layout", ["csc", "dense", "float64", "csr_array"])
def test_components_do_not_depend_on_the_layout_of_counts(adata, components, layout):
    other, counts = adata.copy(), adata.layers["counts"]
    other.layers["counts"] = {
        "csc": counts.tocsc,
        "dense": counts.toarray,
        "float64": lambda: counts.astype(np.float64),
        "csr_array": lambda: sparse.csr_array(counts),
    }[layout]()
    again = Components.from_adata(other, use_rep=None, layer="counts").fit(other, ALL)
    np.testing.assert_allclose(again.read(other), components.read(adata), atol=1e-4)


@pytest.mark.parametrize("layout", ["csr", "csc"])
def test_counts_on_disk_are_read_as_those_in_memory(adata, components, layout, tmp_path):
    counts = adata.layers["counts"].asformat(layout)
    ad.AnnData(counts, var=adata.var).write_h5ad(tmp_path / "counts.h5ad")
    backed = ad.read_h5ad(tmp_path / "counts.h5ad", backed="r")
    again = Counts.from_adata(backed, use_rep=None, layer=None)
    again.check(backed, np.zeros(N_CELLS, dtype=int))
    again = again.fit(backed, ALL)
    np.testing.assert_allclose(again.components.read(backed), components.read(adata), atol=1e-4)
    rows = np.array([7, 3, 7])
    np.testing.assert_array_equal(again.open(backed).rows(rows), adata.layers["counts"][rows].toarray())
    backed.file.close()


def test_components_are_fitted_on_the_training_cells_only(adata):
    other = adata.copy()
    train, last = adata.layers["counts"][:200], adata.layers["counts"][200:].toarray()
    other.layers["counts"] = sparse.vstack([train, sparse.csr_matrix(3 * last[:, ::-1])], format="csr")
    fits = [Components.from_adata(one, use_rep=None, layer="counts").fit(one, ALL[:200]) for one in (adata, other)]
    np.testing.assert_array_equal(fits[0].read(adata)[:200], fits[1].read(other)[:200])


def test_large_data_are_thinned_before_the_components_are_sought(adata, monkeypatch):
    monkeypatch.setattr("scgde.data.representations._count_projection._MAX_CELLS", 200)
    counts, genes = adata.layers["counts"], adata.var_names.tolist()
    few, again = (CountProjection.fit(counts, ALL, genes, n_components=2) for _ in range(2))
    np.testing.assert_array_equal(few.project(counts), again.project(counts))
    everything = CountProjection.fit(counts, ALL[:200], genes, n_components=2).project(counts)
    assert abs(np.corrcoef(few.project(counts)[:, 0], everything[:, 0])[0, 1]) > 0.95


def test_new_counts_are_matched_by_name_of_gene(adata, components):
    shuffled = adata[:, np.random.default_rng(1).permutation(N_GENES)].copy()
    np.testing.assert_allclose(components.read(shuffled), components.read(adata), atol=1e-5)
    with pytest.raises(KeyError, match=r"1 are missing: \['gene_0'\]"):
        components.read(adata[:, 1:].copy())


def test_components_are_decoded_to_log_normalised_values(adata, components):
    decoded = components.to_adata(components.read(adata), adata.obs, decode=True)
    assert decoded.var_names.tolist() == adata.var_names.tolist()
    truth = log_normalized(adata.layers["counts"].astype(np.float32), components.projection.median).toarray()
    residual = np.square(decoded.X - truth).sum() / np.square(truth - truth.mean(axis=0)).sum()
    assert residual < 0.2  # what 50 of 80 components leave


@pytest.mark.parametrize("cls", [Components, Counts])
def test_what_is_stored_is_read_again(cls, adata):
    fitted = cls.from_adata(adata, use_rep=None, layer="counts").fit(adata, ALL)
    config, arrays = fitted.to_stored()
    again = cls.from_stored(json.loads(json.dumps(config)), arrays)
    assert (again.spec, again.names, again.label) == (fitted.spec, fitted.names, fitted.label)
    one, other = (next(blocks(x.read(adata)))[1] for x in (fitted, again))
    np.testing.assert_array_equal(one, other)


def test_encoder_reads_components_or_what_is_asked_for(adata):
    adata.obsm["X_scVI"] = np.zeros((N_CELLS, 3), dtype=np.float32)
    read, target = Counts.views(adata, use_rep=None, layer="counts")
    assert read is target.components
    fitted = target.fit(adata, ALL, read=(components := read.fit(adata, ALL)))
    assert fitted.components is components
    read, target = Counts.views(adata, use_rep="X_scVI", layer="counts")
    assert isinstance(read, Vectors)
    assert read.use_rep == "X_scVI"
    assert target.fit(adata, ALL, read=read).components.projection is not None


def test_counts_are_never_held_densely(adata):
    counts = Counts.from_adata(adata, use_rep=None, layer="counts").fit(adata, ALL)
    store = counts.open(adata)
    assert not isinstance(store._x, np.ndarray)
    assert store.rows(np.array([3, 3])).dtype == np.float32
    assert SetIndex.from_codes(np.zeros(N_CELLS, dtype=int), 1).n_sets == 1


def test_generated_counts_are_sparse_integers_with_their_library_size(adata):
    counts = Counts.from_adata(adata, use_rep=None, layer="counts").fit(adata, ALL)
    cells = adata.layers["counts"][:20].toarray().astype(np.float32)
    packed = counts.pack(cells)
    made = counts.to_adata(packed, adata.obs[:20].copy())
    assert sparse.issparse(made.X)
    assert made.X.format == "csr"
    assert made.X.dtype == made.layers["counts"].dtype == np.int32
    np.testing.assert_array_equal(made.X.toarray(), cells)
    np.testing.assert_array_equal(made.obs["library_size"], cells.sum(axis=1))
    made.X.data[:] = 0
    assert made.layers["counts"].sum() == cells.sum()


@pytest.mark.parametrize("value", [0.5, -1.0, np.nan, np.inf])
def test_other_numbers_are_refused_with_the_name_of_the_layer(adata, value):
    adata.layers["counts"] = adata.layers["counts"].astype(np.float32)
    adata.layers["counts"].data[5] = value
    counts = Counts.from_adata(adata, use_rep=None, layer="counts")
    with pytest.raises(ValueError, match=r"`adata.layers\['counts'\]` must hold counts, .* in 1 cells"):
        counts.check(adata, np.zeros(N_CELLS, dtype=int))
    first = np.zeros(N_CELLS, dtype=int)
    first[:10] = -1  # the cell is in no set
    counts.check(adata, first)


def test_entries_that_are_none_are_refused(adata):
    with pytest.raises(KeyError, match="`layer` must name a layer"):
        Counts.from_adata(adata, use_rep=None, layer="raw")
    with pytest.raises(ValueError, match=r"`adata.X` or a `use_rep` is required, but X is None"):
        Counts.from_adata(adata, use_rep=None, layer=None)
    with pytest.raises(ValueError, match="at least two genes, got 1"):
        Counts.from_adata(adata[:, :1].copy(), use_rep=None, layer="counts")
    with pytest.raises(ValueError, match="`use_rep` must be None for components"):
        Components.from_adata(adata, use_rep="X_pca", layer="counts")
    with pytest.raises(RuntimeError, match="must be fitted before they are read"):
        Components.from_adata(adata, use_rep=None, layer="counts").read(adata)
