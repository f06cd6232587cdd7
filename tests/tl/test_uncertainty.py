from __future__ import annotations

import anndata as ad
import numpy as np
import pytest
import torch

from scgde import tl
from scgde.data import SetIndex, open_store
from scgde.model._inference import covariance_of_sets, embed_draws
from scgde.nn.encoders import ENCODERS
from scgde.results import FittedSets


@pytest.fixture(scope="module")
def estimated_once(fitted_once):
    adata = fitted_once[0].copy()
    tl.uncertainty(adata)
    return adata


@pytest.fixture
def estimated(estimated_once):
    """A fit with its uncertainty."""
    return estimated_once.copy()


def parts_of(adata):
    """Module, cells and sets of a fit."""
    fitted = FittedSets.read(adata, "gde")
    return fitted.model.module, fitted.cells.encoder.store, fitted.index


def test_uncertainty_writes_covariances_and_standard_errors(estimated):
    n_sets, n_embed = estimated.uns["gde"]["embedding"].shape
    covariance, error = estimated.uns["gde"]["covariance"], estimated.uns["gde"]["standard_error"]
    assert (covariance.shape, covariance.dtype) == ((n_sets, n_embed, n_embed), np.float32)
    np.testing.assert_allclose(error, np.sqrt(np.diagonal(covariance, axis1=1, axis2=2)), rtol=1e-6)
    np.testing.assert_allclose(covariance, covariance.swapaxes(1, 2), rtol=1e-4, atol=1e-8)
    assert np.linalg.eigvalsh(covariance.astype(float)).min() > -1e-7


def test_uncertainty_agrees_with_the_bootstrap(estimated):
    module, store, index = parts_of(estimated)
    largest, rng = int(index.sizes.argmax()), np.random.default_rng(0)
    rows = index.rows(largest)
    draws = embed_draws(module, store, rng.choice(rows, (2000, len(rows))))
    expected = np.cov(draws.T) * len(rows) / (len(rows) - 1)
    covariance = estimated.uns["gde"]["covariance"][largest]
    # 16 cells are few: the terms that a derivative leaves out are of the order of 1 / 16.
    assert np.linalg.norm(covariance - expected) < 0.25 * np.linalg.norm(expected)


def test_uncertainty_does_not_depend_on_other_sets(estimated):
    """Nor on what shares a batch with a set."""
    names = estimated.uns["gde"]["sets"].index[:3]
    few = estimated[estimated.obs["set"].isin(names)].copy()
    tl.embed(few, estimated, key_added="new")
    tl.uncertainty(few, key="new")
    np.testing.assert_allclose(
        few.uns["new"]["covariance"], estimated.uns["gde"]["covariance"][:3], rtol=1e-3, atol=1e-7
    )


def test_uncertainty_falls_with_the_number_of_cells(fitted, estimated):
    """The same measure from four times the cells: a quarter of the covariance."""
    new = ad.concat([fitted] * 4, index_unique="-")
    tl.embed(new, fitted)
    tl.uncertainty(new)
    n = estimated.uns["gde"]["sets"]["n_cells"].to_numpy()[:, None, None]
    expected = estimated.uns["gde"]["covariance"] * (n - 1) / (4 * n - 1)
    np.testing.assert_allclose(new.uns["gde"]["covariance"], expected, rtol=1e-3, atol=1e-7)


def test_uncertainty_of_a_finite_population_shrinks_by_the_share_not_measured(fitted, estimated):
    n_cells = fitted.uns["gde"]["sets"]["n_cells"]
    fitted.uns["gde"]["sets"]["injected"] = n_cells * np.where(np.arange(len(n_cells)) == 0, 1, 4)
    tl.uncertainty(fitted, population_size="injected")
    covariance, expected = fitted.uns["gde"]["covariance"], estimated.uns["gde"]["covariance"]
    assert not covariance[0].any()
    np.testing.assert_allclose(covariance[1:], 0.75 * expected[1:], rtol=1e-5)
    with pytest.raises(ValueError, match=r"was run with `population_size='injected'`. Run it without"):
        tl.compare_all_sets(fitted)
    tl.uncertainty(fitted)
    assert len(tl.compare_all_sets(fitted)) == len(n_cells) * (len(n_cells) - 1) / 2


def test_uncertainty_of_one_cell_is_nan(fitted):
    names = fitted.obs["set"].cat.categories
    alone = np.flatnonzero(fitted.obs["set"] == names[0])[:1]
    new = fitted[np.concatenate([alone, np.flatnonzero(fitted.obs["set"] == names[1])])].copy()
    tl.embed(new, fitted)
    tl.uncertainty(new)
    for name in ("covariance", "standard_error"):
        values = new.uns["gde"][name]
        assert np.isnan(values[0]).all()
        assert np.isfinite(values[1]).all()


def test_uncertainty_survives_a_round_trip(estimated, round_trip):
    back = round_trip(estimated)
    for name in ("covariance", "standard_error"):
        np.testing.assert_array_equal(back.uns["gde"][name], estimated.uns["gde"][name])
    tl.uncertainty(back)
    np.testing.assert_array_equal(back.uns["gde"]["covariance"], estimated.uns["gde"]["covariance"])


@pytest.mark.parametrize("encoder", [name for name in ENCODERS if not ENCODERS[name].is_smooth])
def test_uncertainty_refuses_an_encoder_that_is_not_smooth(cells, fit, unchanged, encoder):
    fit(cells, encoder=encoder, max_steps=2)
    message = rf"smooth in the weights is required for standard errors, got {ENCODERS[encoder].__name__}\. Fit with"
    with unchanged(cells), pytest.raises(ValueError, match=message):
        tl.uncertainty(cells)


def test_uncertainty_says_what_is_wrong(fitted, unchanged):
    with unchanged(fitted):
        with pytest.raises(KeyError, match=r"`scgde.tl.fit_gde` writes"):
            tl.uncertainty(fitted, key="other")
        with pytest.raises(KeyError, match=r"`population_size` must name a column of the set table, got 'injected'"):
            tl.uncertainty(fitted, population_size="injected")
    fitted.uns["gde"]["sets"]["injected"] = 3
    with unchanged(fitted), pytest.raises(ValueError, match=r"`population_size` must be at least the cells"):
        tl.uncertainty(fitted, population_size="injected")
    fewer = fitted[1:].copy()
    with (
        unchanged(fewer),
        pytest.raises(
            ValueError, match=r"must hold all cells of its sets, as they were embedded, but 1 sets have others now"
        ),
    ):
        tl.uncertainty(fewer)


def test_covariance_along_directions_is_the_projected_one(estimated):
    module, store, index = parts_of(estimated)
    directions = np.linalg.qr(np.random.default_rng(0).normal(size=(module.n_embed, 2)))[0]
    projected = covariance_of_sets(module, store, index, directions=directions)
    whole = covariance_of_sets(module, store, index)
    np.testing.assert_allclose(projected, directions.T @ whole @ directions, rtol=1e-3, atol=1e-7)


def test_covariance_of_a_large_set_is_estimated_from_some_of_its_cells(model):
    rng = np.random.default_rng(0)
    store = open_store(rng.normal(size=(20_000, 4)))
    index = SetIndex.from_codes(np.repeat([0, 1], 10_000), 2)
    exact = covariance_of_sets(model.module, store, index, max_cells=10_000)
    estimates = covariance_of_sets(model.module, store, index, max_cells=500)
    np.testing.assert_allclose(np.trace(estimates.mean(axis=0)), np.trace(exact.mean(axis=0)), rtol=0.1)


def test_embed_draws_of_all_cells_is_the_embedding(fitted):
    module, store, index = parts_of(fitted)
    whole = [embed_draws(module, store, index.rows(i)[None])[0] for i in range(index.n_sets)]
    np.testing.assert_allclose(whole, fitted.uns["gde"]["embedding"], rtol=1e-4, atol=1e-5)


def test_embed_draws_in_batches_is_the_same(fitted, monkeypatch):
    module, store, index = parts_of(fitted)
    rows = np.random.default_rng(0).choice(index.rows(0), (7, 5))
    together = embed_draws(module, store, rows)
    monkeypatch.setattr("scgde.model._inference._CELLS_PER_BATCH", 10)
    np.testing.assert_allclose(embed_draws(module, store, rows), together, rtol=1e-5, atol=1e-6)
    assert torch.is_grad_enabled()
