"""New cells whose features look like those of a fit, and are not."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc

from scgde import get, tl

N_SETS, N_CELLS = 8, 15


def make_cells(seed=0, *, components=True):
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(N_SETS), N_CELLS)
    x = 4 + rng.normal(size=(N_SETS, 3))[codes] @ rng.normal(size=(3, 9)) + rng.normal(size=(len(codes), 9))
    obs = pd.DataFrame({"donor": pd.Categorical([f"d{i}" for i in codes])}, index=[f"c{i}" for i in range(len(codes))])
    adata = ad.AnnData(x.astype(np.float32), obs=obs, var=pd.DataFrame(index=[f"g{i}" for i in range(9)]))
    if components:
        sc.pp.pca(adata, n_comps=4)
    return adata


@pytest.fixture(scope="module")
def fitted(fit):
    adata = make_cells()
    fit(adata, "donor")
    return adata


@pytest.fixture(scope="module")
def fitted_without_genes(fit):
    """On components of genes that are not in ``X``, whose loadings are known."""
    adata = make_cells()
    adata.X = np.exp(adata.X)
    fit(adata, "donor")
    return adata


def test_own_components_are_refused_where_loadings_are_gone(fitted, unchanged):
    new = make_cells(1)
    del new.varm["PCs"]
    with (
        unchanged(new),
        pytest.raises(ValueError, match="its cells are not what the loadings of the reference make of"),
    ):
        tl.embed(new, fitted)
    del new.obsm["X_pca"]
    tl.embed(new, fitted)


def test_components_of_the_reference_are_taken_where_loadings_are_gone(fitted):
    new = make_cells()
    del new.varm["PCs"]
    tl.embed(new, fitted)
    np.testing.assert_allclose(new.obsm["X_gde"], fitted.obsm["X_gde"], atol=1e-4)


def test_own_loadings_are_refused_where_those_of_the_fit_did_not_make_its_components(fitted_without_genes, unchanged):
    new = make_cells(1)
    with unchanged(new), pytest.raises(ValueError, match=r"but `adata.varm\['PCs'\]` differs"):
        tl.embed(new, fitted_without_genes)
    same = make_cells()[:, ::-1].copy()
    tl.embed(same, fitted_without_genes)
    np.testing.assert_allclose(same.obsm["X_gde"], fitted_without_genes.obsm["X_gde"], atol=1e-4)


def test_components_that_nothing_can_be_compared_with_are_embedded_with_a_warning(fitted_without_genes, fit):
    new = make_cells(1)
    del new.varm["PCs"]
    with pytest.warns(
        UserWarning, match=r"Nothing tells whether `adata.obsm\['X_pca'\]` has the axes of the reference"
    ):
        tl.embed(new, fitted_without_genes)
    bare = make_cells()
    del bare.varm["PCs"]
    fit(bare, "donor")
    with pytest.warns(UserWarning, match="Nothing tells"):
        tl.embed(make_cells(1), bare)


def as_frame(adata, names=("CD3", "CD4", "CD8", "CD19")):
    adata.obsm["X_markers"] = pd.DataFrame(np.asarray(adata.obsm["X_pca"]), index=adata.obs_names, columns=names)
    return adata


def test_named_columns_are_matched_by_name(fit, round_trip):
    fitted, new, expected = as_frame(make_cells()), as_frame(make_cells(1)), as_frame(make_cells(1))
    fit(fitted, "donor", use_rep="X_markers")
    tl.embed(expected, fitted)
    new.obsm["X_markers"] = new.obsm["X_markers"].iloc[:, [2, 0, 3, 1]]
    tl.embed(new, round_trip(fitted))
    np.testing.assert_array_equal(new.obsm["X_gde"], expected.obsm["X_gde"])
    assert tl.generate(new, n_cells=2).var_names.tolist() == ["CD3", "CD4", "CD8", "CD19"]
    tl.uncertainty(new)


def test_other_names_of_columns_are_refused(fit, unchanged):
    fitted, new = as_frame(make_cells()), as_frame(make_cells(1), names=["CD3", "CD4", "CD8", "CD20"])
    fit(fitted, "donor", use_rep="X_markers")
    with unchanged(new), pytest.raises(ValueError, match=r"must be those of the reference, .* got .*'CD20'"):
        tl.embed(new, fitted)


def test_a_series_as_mask_is_matched_by_name(fit, unchanged):
    adata = make_cells()
    mask = pd.Series(adata.obs["donor"].isin(["d1", "d4", "d6"]).to_numpy(), index=adata.obs_names)
    fit(adata, "donor", mask=mask.sample(frac=1, random_state=0))
    assert get.sets(adata).obs_names.tolist() == ["d1", "d4", "d6"]
    with (
        unchanged(adata),
        pytest.raises(ValueError, match=r"must have the index of `adata.obs`, got other names: \[0, 1"),
    ):
        fit(adata, "donor", mask=mask.reset_index(drop=True))


@pytest.mark.parametrize("change", ["swapped donors", "a validation set", "everything"])
@pytest.mark.parametrize("scaling", ["feature", "common", "none"])
def test_a_training_state_of_other_features_is_not_resumed(fit, tmp_path, change, scaling):
    options = {"use_rep": "X", "scaling": scaling, "max_steps": 2, "checkpoint_dir": tmp_path, "split_key": "part"}
    adata = make_cells(components=False)
    adata.obs["part"] = np.where(adata.obs["donor"] == "d7", "validation", "train")
    fit(adata, "donor", **options)
    x = np.array(adata.X)
    first, last = slice(0, N_CELLS), slice(len(x) - N_CELLS, None)
    if change == "swapped donors":
        x[first], x[N_CELLS : 2 * N_CELLS] = adata.X[N_CELLS : 2 * N_CELLS], adata.X[first]
    elif change == "a validation set":
        x[last] += 1
    else:
        x = x + 50
    adata.X = x
    with pytest.raises(ValueError, match=r"must hold a fit with the same options and data, got other \['data'\]"):
        fit(adata, "donor", **options)


def test_features_that_single_precision_does_not_hold_are_refused(fit, unchanged):
    adata = make_cells(components=False)
    moved = adata.copy()
    moved.X = adata.X.astype(np.float64) + 1e6
    with unchanged(moved), pytest.raises(ValueError, match=r"within 1e\+05 standard deviations of zero, .* 9 do not"):
        fit(moved, "donor", use_rep="X", max_steps=2)
    moved.X = adata.X.astype(np.float64) + 1e4
    moved.X[:, 0] = 7  # does not vary
    fit(moved, "donor", use_rep="X", max_steps=2)
