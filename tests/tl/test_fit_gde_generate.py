"""Fits that read one entry of the cells, their principal components, and generate another one, their genes."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from scipy.spatial.distance import pdist, squareform

from scgde import metrics, tl
from scgde.results import read_model
from scgde.results._fits import open_representations

N_SETS, N_CELLS = 8, 30
SETS = [f"d{i}" for i in range(N_SETS)]


@pytest.fixture(scope="module")
def genes_fitted_once(fit):
    """Sets whose two directions in twelve genes are among four principal components."""
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(N_SETS), N_CELLS)
    shift = 2 * rng.normal(size=(N_SETS, 2)) @ rng.normal(size=(2, 12))
    x = (5 + shift[codes] + rng.normal(size=(len(codes), 12))).astype(np.float32)
    obs = pd.DataFrame({"donor": np.array(SETS)[codes]}, index=[f"c{i}" for i in range(len(codes))])
    adata = ad.AnnData(x, obs=obs, var=pd.DataFrame(index=[f"g{i}" for i in range(12)]))
    sc.pp.pca(adata, n_comps=4)
    options = {"max_steps": 300, "sets_per_batch": 16, "set_size": 16, "validation_fraction": 0.25}
    fit(adata, "donor", use_rep="X_pca", generate="X", **options)
    return adata


@pytest.fixture
def genes_fitted(genes_fitted_once):
    return genes_fitted_once.copy()


def test_networks_read_components_and_generate_genes(genes_fitted):
    model = read_model(genes_fitted, "gde")
    assert model.representation.use_rep == "X_pca"
    assert model.module.spec.shape == (4,)
    assert model.target_representation.names == genes_fitted.var_names.tolist()
    assert model.module.target_spec.shape == (12,)


def test_the_entry_that_is_read_is_opened_once(genes_fitted):
    for options in ({"use_rep": "X", "generate": "X"}, {"use_rep": None, "generate": "X_pca"}):
        views = open_representations(genes_fitted, **{"cells": None, "layer": None} | options)
        assert views.target is views.encoder
    views = open_representations(genes_fitted, cells=None, use_rep="X_pca", layer=None, generate="X")
    assert views.target is not views.encoder


def test_generate_gives_genes_near_those_of_the_set(genes_fitted, unchanged):
    with unchanged(genes_fitted):
        cells = tl.generate(genes_fitted, n_cells=100)
    assert cells.var_names.tolist() == genes_fitted.var_names.tolist()
    true = genes_fitted.to_df().groupby(genes_fitted.obs["donor"], observed=True).mean()
    found = cells.to_df().groupby(cells.obs["set"], observed=True).mean().loc[true.index]
    centred = [(mean - mean.mean()).to_numpy().ravel() for mean in (true, found)]
    assert np.corrcoef(*centred)[0, 1] > 0.85


def test_score_generation_is_between_genes(genes_fitted, unchanged):
    with unchanged(genes_fitted):
        scores = tl.score_generation(genes_fitted, sets=SETS, n_cells=1000).set_index("set")
    table = genes_fitted.uns["gde"]["sets"]
    train = genes_fitted.X[genes_fitted.obs["donor"].isin(table.index[table["split"] == "train"])]
    scale = train.std(axis=0, dtype=float)
    for name, x in genes_fitted.to_df().groupby(genes_fitted.obs["donor"], observed=True):
        expected = metrics.energy_distance(train / scale, x.to_numpy() / scale, unbiased=True)
        assert scores.loc[name, "pooled"] == pytest.approx(expected, rel=0.25, abs=0.05)
    assert scores["generated"].mean() < 0.5 * scores["pooled"].mean()


def test_embed_reads_components_alone(genes_fitted):
    """Also of new cells whose components are computed from their genes, with the loadings of the model."""
    expected = genes_fitted.obsm["X_gde"].copy()
    other = genes_fitted.copy()
    other.X = np.zeros_like(other.X)
    tl.embed(other, genes_fitted)
    np.testing.assert_allclose(other.obsm["X_gde"], expected, atol=1e-5)
    new = ad.AnnData(genes_fitted.X[:, ::-1], obs=genes_fitted.obs[["donor"]], var=genes_fitted.var[[]][::-1])
    tl.embed(new, genes_fitted)
    np.testing.assert_allclose(new.obsm["X_gde"], expected, atol=2e-3)
    assert tl.generate(new, "d0", n_cells=2).var_names.tolist() == genes_fitted.var_names.tolist()


def test_interpolate_goes_between_the_genes_of_both_sets(genes_fitted, unchanged):
    with unchanged(genes_fitted):
        path = tl.interpolate(genes_fitted, "d0", "d3", n_steps=3, n_cells=5, seed=2)
    assert path.var_names.tolist() == genes_fitted.var_names.tolist()
    for t, name in ((0, "d0"), (1, "d3")):
        expected = tl.generate(genes_fitted, name, n_cells=5, seed=2).X
        np.testing.assert_allclose(path.X[path.obs["t"] == t], expected, rtol=1e-4, atol=1e-4)


def test_uncertainty_is_that_of_the_components(genes_fitted):
    tl.uncertainty(genes_fitted)
    covariance = genes_fitted.uns["gde"]["covariance"]
    assert np.linalg.eigvalsh(covariance.astype(float)).min() > -1e-7
    assert (genes_fitted.uns["gde"]["standard_error"] > 0).all()


def test_distances_are_between_genes_or_between_embeddings(genes_fitted):
    table = tl.distances(genes_fitted, metric="energy", n_cells=10**6)
    x, y = (genes_fitted.X[(genes_fitted.obs["donor"] == name).to_numpy()] for name in SETS[:2])
    assert table.loc["d0", "d1"] == pytest.approx(metrics.energy_distance(x, y), rel=1e-5)
    embedding = genes_fitted.uns["gde"]["embedding"].astype(float)
    np.testing.assert_allclose(tl.distances(genes_fitted, metric="embedding"), squareform(pdist(embedding)), rtol=1e-6)


def test_explain_ranks_genes(genes_fitted, unchanged):
    with unchanged(genes_fitted):
        result = tl.explain(genes_fitted, "d0", "d1", n_cells=50, n_steps=3)
    assert set(result.features.index) == set(genes_fitted.var_names)
    x, y = (genes_fitted.X[(genes_fitted.obs["donor"] == name).to_numpy()].mean(axis=0) for name in ("d0", "d1"))
    difference = (result.features["mean_b"] - result.features["mean_a"]).loc[genes_fitted.var_names]
    assert np.corrcoef(difference, y - x)[0, 1] > 0.8


def test_results_are_the_same_after_a_round_trip(genes_fitted, round_trip):
    back = round_trip(genes_fitted)
    for adata in (genes_fitted, back):
        tl.uncertainty(adata)
        tl.distances(adata, metric="energy")
    pd.testing.assert_frame_equal(tl.score_generation(back), tl.score_generation(genes_fitted))
    for entry in ("embedding", "covariance", "standard_error"):
        np.testing.assert_array_equal(back.uns["gde"][entry], genes_fitted.uns["gde"][entry])
    np.testing.assert_array_equal(
        back.uns["gde"]["distances"]["energy"], genes_fitted.uns["gde"]["distances"]["energy"]
    )
    paths = [tl.interpolate(adata, "d0", "d3", n_steps=3, n_cells=2) for adata in (back, genes_fitted)]
    np.testing.assert_array_equal(paths[0].X, paths[1].X)
    new = genes_fitted[:, :].copy()
    tl.embed(new, back, key_added="new")
    np.testing.assert_allclose(new.obsm["X_new"], genes_fitted.obsm["X_gde"], atol=1e-5)


def test_decode_says_that_cells_are_genes_already(genes_fitted, unchanged):
    with unchanged(genes_fitted), pytest.raises(ValueError, match=r"`decode=True` needs a fit on .*got a fit on 'X'"):
        tl.generate(genes_fitted, decode=True)


def test_params_repeat_the_fit(genes_fitted, tiny):
    again = genes_fitted.copy()
    params = {name: value for name, value in again.uns.pop("gde")["params"].items() if name != "version"}
    tl.fit_gde(again, **params, accelerator="cpu", progress_bar=tiny["progress_bar"])
    np.testing.assert_array_equal(again.obsm["X_gde"], genes_fitted.obsm["X_gde"])
    cells = [tl.generate(adata, n_cells=2) for adata in (again, genes_fitted)]
    assert cells[0].var_names.equals(cells[1].var_names)
    np.testing.assert_array_equal(cells[0].X, cells[1].X)


def test_generate_must_name_an_entry(genes_fitted, fit, unchanged):
    message = r"`generate` must be \"X\" or name an entry of `adata.obsm`, got .*X_none"
    with unchanged(genes_fitted), pytest.raises(KeyError, match=message):
        fit(genes_fitted, "donor", generate="X_none")


def test_generated_entry_must_be_finite(genes_fitted, fit, unchanged):
    genes_fitted.X[3, 2] = np.nan
    with (
        unchanged(genes_fitted),
        pytest.raises(ValueError, match=r"`adata.X` must be finite, got NaN or infinity in 1"),
    ):
        fit(genes_fitted, "donor", generate="X")


def test_fit_tde_transports_genes_between_embeddings_of_components(genes_fitted, tiny_tde, round_trip):
    tl.fit_tde(genes_fitted, "donor", use_rep="X_pca", generate="X", **tiny_tde)
    path = tl.transport(genes_fitted, "d0", "d1", n_times=3)
    assert path.var_names.tolist() == genes_fitted.var_names.tolist()
    start = genes_fitted.X[(genes_fitted.obs["donor"] == "d0").to_numpy()]
    np.testing.assert_allclose(path.X[path.obs["t"] == 0], start, atol=1e-4)
    assert not np.allclose(path.X[path.obs["t"] == 1], start, atol=0.1)
    again = tl.transport(round_trip(genes_fitted), "d0", "d1", n_times=3)
    np.testing.assert_array_equal(again.X, path.X)
