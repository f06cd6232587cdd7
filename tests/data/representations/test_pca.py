from __future__ import annotations

import anndata as ad
import numpy as np
import pytest
import scanpy as sc
from scipy import sparse

from scgde.data.representations._pca import find_loadings


@pytest.fixture
def pca():
    rng = np.random.default_rng(0)
    x = (3 + rng.normal(size=(80, 3)) @ rng.normal(size=(3, 9)) + 0.1 * rng.normal(size=(80, 9))).astype(np.float32)
    adata = ad.AnnData(x)
    sc.pp.pca(adata, n_comps=4)
    return adata


def _loadings(adata, x=None):
    x = adata.X if x is None else x
    return find_loadings(x, adata.obsm["X_pca"], adata.varm["PCs"], adata.var_names.tolist())


def test_loadings_project_as_pca_does(pca):
    np.testing.assert_allclose(_loadings(pca).project(pca.X), pca.obsm["X_pca"], atol=1e-4)


def test_loadings_decode_to_the_reconstruction_of_pca(pca):
    loadings = _loadings(pca)
    reconstruction = pca.obsm["X_pca"] @ pca.varm["PCs"].T + pca.X.mean(axis=0)
    np.testing.assert_allclose(loadings.decode(loadings.project(pca.X)), reconstruction, atol=1e-4)


def test_project_is_the_inverse_of_decode(pca):
    loadings = _loadings(pca)
    z = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)
    np.testing.assert_allclose(loadings.project(loadings.decode(z)), z, atol=1e-4)


@pytest.mark.parametrize("convert", [sparse.csr_matrix, sparse.csc_matrix], ids=str)
def test_loadings_are_the_same_for_sparse_expression(pca, convert):
    np.testing.assert_allclose(_loadings(pca, convert(pca.X)).mean, _loadings(pca).mean, atol=1e-5)
    x = convert(pca.X)
    np.testing.assert_allclose(_loadings(pca).project(x), _loadings(pca).project(pca.X), atol=1e-4)


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_matrix], ids=str)
def test_loadings_are_the_same_for_a_backed_file(pca, convert, tmp_path):
    expected = _loadings(pca).mean
    pca.X = convert(pca.X)
    pca.write_h5ad(tmp_path / "x.h5ad")
    backed = ad.read_h5ad(tmp_path / "x.h5ad", backed="r")
    np.testing.assert_allclose(_loadings(backed).mean, expected, atol=1e-5)
    backed.file.close()


def test_loadings_of_a_subset_of_cells_project_as_those_of_the_whole(pca):
    part = pca[pca.obsm["X_pca"][:, 0] > 0].copy()
    np.testing.assert_allclose(_loadings(part).project(part.X), part.obsm["X_pca"], atol=1e-3)


def test_loadings_leave_out_genes_that_pca_did_not_use(pca):
    used = np.arange(9) % 3 > 0
    pca.var["used"] = used
    sc.pp.pca(pca, n_comps=3, mask_var="used")
    loadings = _loadings(pca)
    assert loadings.genes == pca.var_names[used].tolist()
    np.testing.assert_allclose(loadings.project(pca.X[:, used]), pca.obsm["X_pca"], atol=1e-4)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda pca: pca.varm.update(PCs=pca.varm["PCs"][::-1].copy()),
        lambda pca: pca.varm.update(PCs=pca.varm["PCs"][:, :2].copy()),
        lambda pca: pca.obsm.update(X_pca=2 * pca.obsm["X_pca"]),
        lambda pca: setattr(pca, "X", np.exp(pca.X)),
    ],
    ids=["order of genes", "fewer components", "scaled scores", "other expression"],
)
def test_no_loadings_are_found_that_do_not_explain_scores(pca, spoil):
    spoil(pca)
    assert _loadings(pca) is None


def test_no_loadings_are_found_where_there_are_none(pca):
    assert find_loadings(pca.X, pca.obsm["X_pca"], None, pca.var_names.tolist()) is None
