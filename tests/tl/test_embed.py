from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from scipy import sparse

from scgde import datasets, tl
from scgde.model import GDE
from scgde.nn.cells import CellSpec


@pytest.fixture
def new():
    """Other sets of the same kind as the fitted ones."""
    adata = datasets.gaussian_sets(5, (4, 20), 4, seed=9)
    adata.obs["set"] = adata.obs["set"].cat.rename_categories(lambda name: f"new_{name}")
    return adata


def test_embed_writes_what_it_documents(fitted, new):
    tl.embed(new, fitted)
    assert list(new.obs) == ["set", "gde_set"]
    assert new.obsm["X_gde"].shape == (new.n_obs, 4)
    assert np.isfinite(new.obsm["X_gde"]).all()
    assert new.uns["gde"]["sets"].index.tolist() == new.obs["set"].cat.categories.tolist()
    assert set(new.uns["gde"]) == {"sets", "embedding", "fingerprint", "own_columns", "params", "history", "model"}


def test_embed_of_the_fitted_sets_gives_what_the_fit_stored(fitted, cells):
    tl.embed(cells, fitted)
    np.testing.assert_allclose(cells.obsm["X_gde"], fitted.obsm["X_gde"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["AnnData", "model", "path", "text"])
def test_embed_takes_each_kind_of_reference(fitted, model, new, tmp_path, kind):
    model.save(tmp_path / "model")
    path = tmp_path / "model"
    reference = {"AnnData": fitted, "model": model, "path": path, "text": str(path)}[kind]
    expected = new.copy()
    tl.embed(expected, fitted)
    tl.embed(new, reference)
    np.testing.assert_array_equal(new.obsm["X_gde"], expected.obsm["X_gde"])


def test_embed_refuses_a_reference_of_another_type(new, unchanged):
    with unchanged(new), pytest.raises(TypeError, match=r"`reference` must be a fitted AnnData, .* got int"):
        tl.embed(new, 3)


def test_embed_refuses_an_anndata_without_a_fit(new, cells, unchanged):
    with unchanged(new), pytest.raises(KeyError, match=r"`scgde.tl.fit_gde` writes"):
        tl.embed(new, cells)


def test_embed_refuses_a_path_without_a_model(new, tmp_path, unchanged):
    with unchanged(new), pytest.raises(FileNotFoundError, match=r"lacks \['config.json', 'state.safetensors'\]"):
        tl.embed(new, tmp_path)


def test_embed_says_how_a_fitted_h5ad_file_is_passed(new, tmp_path):
    new.write_h5ad(tmp_path / "fitted.h5ad")
    with pytest.raises(FileNotFoundError, match=r"It is a file: of an h5ad file, pass what `anndata.read_h5ad` gives"):
        tl.embed(new, tmp_path / "fitted.h5ad")


def test_embed_says_when_the_model_does_not_know_its_features(new, tiny, unchanged):
    bare = GDE(cells=CellSpec.vectors(4), n_latent=2, encoder_kwargs=tiny["encoder_kwargs"])
    with unchanged(new), pytest.raises(ValueError, match="`reference` must know its features"):
        tl.embed(new, bare, groupby="set")


def test_embed_with_a_model_of_registered_data_asks_for_the_groups(new, cells, tiny, unchanged):
    GDE.setup_anndata(cells, set_key="set")
    registered = GDE(cells, n_latent=2, encoder_kwargs=tiny["encoder_kwargs"])
    GDE.forget(cells)
    with unchanged(new), pytest.raises(ValueError, match="`groupby` must be given for a reference that was not fitted"):
        tl.embed(new, registered)
    tl.embed(new, registered, groupby="set")
    expected = registered.embed(new.X, new.obs["set"].cat.codes.to_numpy())
    np.testing.assert_allclose(new.uns["gde"]["embedding"], expected, atol=1e-6)


def test_embed_aligns_variables_by_name(fitted, new):
    expected = new.copy()
    tl.embed(expected, fitted)
    extra = ad.AnnData(np.ones((new.n_obs, 1)), obs=new.obs, var=pd.DataFrame(index=["other"]))
    shuffled = ad.concat([extra, new[:, ::-1]], axis=1, merge="same")
    tl.embed(shuffled, fitted)
    np.testing.assert_array_equal(shuffled.obsm["X_gde"], expected.obsm["X_gde"])


def test_embed_aligns_variables_of_a_backed_file(fitted, new, tmp_path):
    expected = new.copy()
    tl.embed(expected, fitted)
    new[:, [2, 0, 3, 1]].copy().write_h5ad(tmp_path / "new.h5ad")
    backed = ad.read_h5ad(tmp_path / "new.h5ad", backed="r")
    tl.embed(backed, fitted)
    np.testing.assert_array_equal(backed.obsm["X_gde"], expected.obsm["X_gde"])
    backed.file.close()


def test_embed_names_variables_that_are_missing(fitted, new, unchanged):
    lacking = new[:, 1:].copy()
    with unchanged(lacking), pytest.raises(KeyError, match=f"1 are missing: .*{new.var_names[0]}"):
        tl.embed(lacking, fitted)


def test_embed_refuses_variables_that_repeat(fitted, new, unchanged):
    extra = ad.AnnData(np.ones((new.n_obs, 1)), obs=new.obs, var=pd.DataFrame(index=["other"]))
    doubled = ad.concat([new, extra], axis=1, merge="same")
    doubled.var_names = [*new.var_names, new.var_names[0]]
    with unchanged(doubled), pytest.raises(ValueError, match=r"`adata.var_names` must be unique"):
        tl.embed(doubled, fitted)


@pytest.mark.parametrize("convert", [sparse.csr_matrix, sparse.csc_matrix], ids=str)
def test_embed_takes_sparse_features(fitted, new, convert):
    expected = new.copy()
    tl.embed(expected, fitted)
    new.X = convert(new.X)
    tl.embed(new, fitted)
    np.testing.assert_array_equal(new.obsm["X_gde"], expected.obsm["X_gde"])


def test_embed_refuses_features_that_are_not_finite(fitted, new, unchanged):
    new.X[0] = np.nan
    with unchanged(new), pytest.raises(ValueError, match="must be finite"):
        tl.embed(new, fitted)


def test_embed_names_a_group_column_that_is_missing(fitted, new, unchanged):
    del new.obs["set"]
    with unchanged(new), pytest.raises(KeyError, match="`groupby` must name columns"):
        tl.embed(new, fitted)


def test_embed_groups_by_another_column_and_writes_under_another_key(fitted, new):
    new.obs["half"] = np.where(np.arange(new.n_obs) % 2, "a", "b")
    tl.embed(new, fitted, groupby="half", key_added="halves")
    assert new.uns["halves"]["sets"].index.tolist() == ["a", "b"]
    assert "gde" not in new.uns
    tl.generate(new, "a", n_cells=3, key="halves")


def test_embed_of_a_mask_leaves_the_other_cells_out(fitted, new):
    mask = np.arange(new.n_obs) % 3 > 0
    tl.embed(new, fitted, mask=mask)
    np.testing.assert_array_equal(np.isfinite(new.obsm["X_gde"]).all(axis=1), mask)


def test_embed_warns_of_the_sets_that_it_drops(fitted, new):
    biggest = int(new.obs["set"].value_counts().max())
    with pytest.warns(UserWarning, match="Dropped 4 of [0-9]+ sets"):
        tl.embed(new, fitted, min_cells=biggest)
    assert len(new.uns["gde"]["sets"]) == 1


def test_embed_again_overwrites_cleanly(fitted, new):
    tl.embed(new, fitted)
    first = new.copy()
    tl.embed(new, fitted)
    pd.testing.assert_frame_equal(new.uns["gde"]["sets"], first.uns["gde"]["sets"])


def test_embed_refuses_another_number_of_dimensions(cells, fit, unchanged):
    cells.obsm["X_rep"] = cells.X[:, :3]
    fit(cells, use_rep="X_rep")
    other = cells.copy()
    other.obsm["X_rep"] = cells.X[:, :2]
    with unchanged(other), pytest.raises(ValueError, match="must have 3 dimensions as in the reference, got 2"):
        tl.embed(other, cells)


def test_embed_names_a_representation_that_is_missing(cells, fit, unchanged):
    cells.obsm["X_rep"] = cells.X[:, :3]
    fit(cells, use_rep="X_rep")
    other = cells.copy()
    del other.obsm["X_rep"]
    with unchanged(other), pytest.raises(KeyError, match=r"`adata.obsm` must hold 'X_rep'"):
        tl.embed(other, cells)


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_matrix], ids=str)
def test_embed_projects_on_the_loadings_of_the_model_when_x_pca_is_missing(pca_fitted, convert):
    other = ad.AnnData(convert(pca_fitted.X[:, ::-1]), obs=pca_fitted.obs[["donor"]], var=pca_fitted.var[::-1])
    tl.embed(other, pca_fitted)
    np.testing.assert_allclose(other.obsm["X_gde"], pca_fitted.obsm["X_gde"], atol=2e-3)


def test_embed_projects_a_backed_file(pca_fitted, tmp_path):
    other = ad.AnnData(pca_fitted.X, obs=pca_fitted.obs[["donor"]], var=pca_fitted.var[[]])
    other.write_h5ad(tmp_path / "other.h5ad")
    backed = ad.read_h5ad(tmp_path / "other.h5ad", backed="r")
    tl.embed(backed, pca_fitted)
    np.testing.assert_allclose(backed.obsm["X_gde"], pca_fitted.obsm["X_gde"], atol=2e-3)
    backed.file.close()


def test_embed_refuses_principal_components_of_other_loadings(pca_fitted, unchanged):
    other = pca_fitted[pca_fitted.obs["donor"].isin(["d0", "d1", "d2"])].copy()
    sc.pp.pca(other, n_comps=4)
    with unchanged(other), pytest.raises(ValueError, match="must be in the principal components of the reference"):
        tl.embed(other, pca_fitted)


def test_embed_takes_principal_components_of_the_same_loadings(pca_fitted):
    other = pca_fitted[pca_fitted.obs["donor"].isin(["d0", "d1"])].copy()
    expected = other.obsm["X_gde"].copy()
    tl.embed(other, pca_fitted)
    np.testing.assert_allclose(other.obsm["X_gde"], expected, atol=1e-4)
