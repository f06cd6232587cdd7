from __future__ import annotations

import numpy as np
import pytest

from scgde import get, tl


def test_generate_draws_cells_of_all_sets(fitted):
    cells = tl.generate(fitted, n_cells=7)
    sets = fitted.uns["gde"]["sets"].index
    assert cells.shape == (7 * len(sets), 4)
    assert cells.obs["set"].tolist() == np.repeat(sets, 7).tolist()
    assert cells.var_names.tolist() == fitted.var_names.tolist()
    assert np.isfinite(cells.X).all()


def test_generate_copies_the_columns_of_the_set_table(cells, fit):
    cells.obs["age"] = cells.obs["donor"].str.len()
    fit(cells, "donor")
    generated = tl.generate(cells, n_cells=3)
    assert (generated.obs["age"] == generated.obs["set"].astype(str).str.len()).all()
    assert "n_cells" not in generated.obs


def test_generate_repeats_for_a_seed_and_differs_for_another(fitted):
    first, again, other = (tl.generate(fitted, n_cells=5, seed=seed).X for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


def test_generate_draws_named_sets_in_the_order_asked_for(fitted):
    names = fitted.uns["gde"]["sets"].index[[3, 1, 3]].tolist()
    cells = tl.generate(fitted, names, n_cells=2)
    assert cells.obs["set"].tolist() == np.repeat(names, 2).tolist()


def test_generate_takes_one_name(fitted):
    name = fitted.uns["gde"]["sets"].index[2]
    assert tl.generate(fitted, name, n_cells=2).obs["set"].unique().tolist() == [name]


def test_generate_from_embeddings_gives_what_names_give(fitted):
    names = fitted.uns["gde"]["sets"].index[:3]
    by_name = tl.generate(fitted, list(names), n_cells=4)
    by_embedding = tl.generate(fitted, get.sets(fitted).X[:3], n_cells=4)
    np.testing.assert_allclose(by_name.X, by_embedding.X, rtol=1e-5)
    assert by_embedding.obs["set"].cat.categories.tolist() == ["0", "1", "2"]


def test_generate_takes_one_embedding(fitted):
    assert tl.generate(fitted, np.zeros(4), n_cells=6).shape == (6, 4)


def test_generate_can_be_written(fitted, round_trip):
    cells = tl.generate(fitted, n_cells=2)
    np.testing.assert_array_equal(round_trip(cells).X, cells.X)


def test_generate_changes_nothing(fitted, unchanged):
    with unchanged(fitted):
        tl.generate(fitted, n_cells=2)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"sets": "nobody"}, KeyError, r"`sets` must name fitted sets, got \['nobody'\]"),
        ({"sets": ["set_00", "nobody"]}, KeyError, "nobody"),
        ({"sets": np.zeros((2, 3))}, ValueError, r"must have shape \(S, 4\), got \(2, 3\)"),
        ({"sets": np.full((2, 4), np.nan)}, ValueError, "Embeddings in `sets` must be finite"),
        ({"n_cells": 0}, ValueError, "`n_cells` must be at least 1"),
        ({"n_cells": 1.5}, TypeError, "`n_cells` must be an integer"),
        ({"seed": -1}, ValueError, "`seed` must be at least 0"),
        ({"key": "other"}, KeyError, r"`adata.uns\['other'\]` must hold"),
        ({"decode": True}, ValueError, r"`decode=True` needs a fit on `obsm\['X_pca'\]`.*got a fit on 'X'"),
    ],
    ids=str,
)
def test_generate_refuses_what_it_cannot_draw(fitted, unchanged, options, error, match):
    with unchanged(fitted), pytest.raises(error, match=match):
        tl.generate(fitted, **options)


def test_generate_decodes_to_genes_near_those_of_the_set(pca_fitted):
    cells = tl.generate(pca_fitted, n_cells=100, decode=True)
    assert cells.var_names.tolist() == pca_fitted.var_names.tolist()
    true = pca_fitted.to_df().groupby(pca_fitted.obs["donor"], observed=True).mean()
    found = cells.to_df().groupby(cells.obs["set"], observed=True).mean().loc[true.index]
    centred = [(mean - mean.mean()).to_numpy().ravel() for mean in (true, found)]
    assert np.corrcoef(*centred)[0, 1] > 0.85


def test_generate_decodes_the_cells_that_it_draws(pca_fitted):
    components = tl.generate(pca_fitted, n_cells=3)
    genes = tl.generate(pca_fitted, n_cells=3, decode=True)
    mean = pca_fitted.X.mean(axis=0)
    np.testing.assert_allclose(genes.X, components.X @ pca_fitted.varm["PCs"].T + mean, atol=1e-4)
    assert components.var_names.tolist() == [f"X_pca_{i}" for i in range(4)]


@pytest.mark.parametrize("why", ["no loadings", "other loadings"])
def test_generate_says_when_cells_cannot_be_decoded(pca_fitted, fit, why):
    del pca_fitted.uns["gde"]
    if why == "no loadings":
        del pca_fitted.varm["PCs"]
    else:
        pca_fitted.varm["PCs"] = pca_fitted.varm["PCs"][::-1].copy()
    fit(pca_fitted, "donor", max_steps=2)
    with pytest.raises(ValueError, match=r"`decode=True` needs .* the loadings in `varm\['PCs'\]`"):
        tl.generate(pca_fitted, decode=True)


def test_generate_decodes_after_a_fit_on_a_backed_file(pca_fitted, fit, tmp_path):
    import anndata as ad

    del pca_fitted.uns["gde"]
    pca_fitted.write_h5ad(tmp_path / "cells.h5ad")
    backed = ad.read_h5ad(tmp_path / "cells.h5ad", backed="r")
    fit(backed, "donor", max_steps=2)
    genes, components = (tl.generate(backed, n_cells=2, decode=decode).X for decode in (True, False))
    backed.file.close()
    np.testing.assert_allclose(genes, components @ pca_fitted.varm["PCs"].T + pca_fitted.X.mean(axis=0), atol=1e-4)
