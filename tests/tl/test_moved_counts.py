"""Counts in, counts out: predictions of perturbations, and transports, of a fit of counts."""

from __future__ import annotations

from typing import Any

import anndata as ad
import numpy as np
import pytest
from scipy import sparse
from tests._assertions import assert_counts

from scgde import datasets, pp, tl
from scgde.results import read_model


def make_screen(seed: int = 0) -> ad.AnnData:
    """Counts of six single perturbations and six doubles in a layer; ``X`` is empty. Three doubles are held out."""
    sizes = {"n_singles": 6, "n_doubles": 6, "n_cells": 60, "n_control": 120, "n_features": 6}
    cells = datasets.perturbations(**sizes, counts=True, seed=seed)
    adata = ad.AnnData(obs=cells.obs, shape=cells.obsm["counts"].shape)
    adata.layers["counts"] = sparse.csr_matrix(cells.obsm["counts"])
    doubles = [name for name in adata.obs["perturbation"].cat.categories if "+" in name]
    adata.obs["split"] = np.where(adata.obs["perturbation"].isin(doubles[3:]), "test", "train")
    return adata


def fit(adata: ad.AnnData, tiny_tde: dict[str, Any], **options: Any) -> None:
    pairs = pp.perturbation_pairs(adata, "perturbation", "control")
    options = {**tiny_tde, "max_steps": 40, "split_key": "split", "layer": "counts", "cells": "counts", **options}
    tl.fit_tde(adata, "perturbation", pairs=pairs, **options)


@pytest.fixture(scope="module")
def fitted_once(tiny_tde) -> ad.AnnData:
    adata = make_screen()
    fit(adata, tiny_tde)
    return adata


@pytest.fixture
def fitted(fitted_once) -> ad.AnnData:
    return fitted_once.copy()


def held_out(adata: ad.AnnData) -> list[str]:
    return adata.uns["tde"]["pairs"].query("split == 'test'")["perturbation"].tolist()


def observed(adata: ad.AnnData, cells: ad.AnnData) -> sparse.csr_matrix:
    """Counts of the cells that were moved."""
    return adata[cells.obs["cell"]].layers["counts"]


def differ(x: sparse.csr_matrix, y: sparse.csr_matrix) -> int:
    return (x != y).nnz


def log_share(counts: Any) -> np.ndarray:
    total = np.asarray(counts.sum(axis=0)).ravel() + 0.5
    return np.log(total / total.sum())


def test_predictions_are_counts_of_the_control_cells_at_other_rates(fitted):
    cells = tl.predict_perturbations(fitted, ["p_1", "p_2+p_4"])
    assert_counts(cells, fitted)
    assert differ(cells.X, observed(fitted, cells)) > 0
    # What is not known of a cell stays as it was: most of its genes.
    moved, before = (x.toarray().astype(float) for x in (cells.X, observed(fitted, cells)))
    assert np.corrcoef(np.log1p(moved).ravel(), np.log1p(before).ravel())[0, 1] > 0.9
    assert moved.sum() == pytest.approx(before.sum(), rel=0.1)


def test_genes_change_as_those_of_held_out_combinations_do(fitted):
    correlations = []
    for name in held_out(fitted):
        cells = tl.predict_perturbations(fitted, name, start="control")
        counts = fitted.layers["counts"]
        control, truth = (counts[(fitted.obs["perturbation"] == part).to_numpy()] for part in ("control", name))
        predicted, true = (log_share(x) - log_share(control) for x in (cells.X, truth))
        correlations.append(np.corrcoef(predicted, true)[0, 1])
        assert 0.4 < predicted @ true / (true @ true) < 1.3
    assert np.mean(correlations) > 0.6


@pytest.mark.parametrize("move", ["shift", "transport", "transport_to_mean", "resample"])
def test_counts_stay_as_they_are_where_nothing_is_predicted(fitted, move):
    cells = tl.predict_perturbations(fitted, ["p_1", "p_2"], dose=[0.0, 1.0], move=move)
    still = (cells.obs["perturbation"] == "p_1").to_numpy()
    assert differ(cells[still].X, observed(fitted, cells[still])) == 0
    # So few steps hardly taught the transport, and resampled cells keep their counts.
    if move in ("shift", "transport_to_mean"):
        assert differ(cells[~still].X, observed(fitted, cells[~still])) > 0


def test_resampled_cells_keep_their_counts(fitted):
    cells = tl.predict_perturbations(fitted, "p_1", move="resample")
    assert cells.n_obs == 120
    assert differ(cells.X, observed(fitted, cells)) == 0


def test_one_seed_gives_the_same_counts_after_a_round_trip(fitted, round_trip):
    first, again, other = (
        tl.predict_perturbations(adata, "p_1", seed=seed)
        for adata, seed in ((fitted, 1), (round_trip(fitted), 1), (fitted, 2))
    )
    assert differ(first.X, again.X) == 0
    assert differ(first.X, other.X) > 0
    assert fitted.uns["tde"]["params"]["cells"] == "counts"


@pytest.mark.parametrize("layout", ["csc", "dense", "backed"])
def test_counts_do_not_depend_on_the_layout_of_the_data(fitted, layout, tmp_path):
    expected, other = tl.predict_perturbations(fitted, "p_1"), fitted.copy()
    counts = other.layers["counts"]
    if layout == "backed":
        other.write_h5ad(tmp_path / "screen.h5ad")
        other = ad.read_h5ad(tmp_path / "screen.h5ad", backed="r")
    else:
        other.layers["counts"] = counts.tocsc() if layout == "csc" else counts.toarray()
    found = tl.predict_perturbations(other, "p_1")
    # Components that differ in the last digit move a fold change, and with it few of the draws.
    assert differ(found.X, expected.X) < 0.01 * expected.X.nnz


def test_components_come_out_where_they_are_asked_for(fitted):
    components = tl.predict_perturbations(fitted, "p_1", decode=False)
    assert components.var_names[0] == "PC1"
    counts = tl.predict_perturbations(fitted, "p_1")
    representation = read_model(fitted, "tde").representations[1]
    mean = representation.project(counts.X).mean(axis=0)
    start = representation.project(observed(fitted, counts)).mean(axis=0)
    predicted = components.X.mean(axis=0) - start
    assert (mean - start) @ predicted / (predicted @ predicted) == pytest.approx(1, abs=0.15)


def test_new_contexts_need_the_counts_of_their_controls_only(fitted):
    new = make_screen(seed=5)
    new = new[new.obs["perturbation"] == "control"].copy()
    tl.embed(new, fitted, key="tde")
    cells = tl.predict_perturbations(new, ["p_1", "p_1+p_2"])
    assert cells.n_obs == 2 * new.n_obs
    assert cells.X.dtype == np.int32


def test_transported_counts_begin_as_observed_and_arrive_at_the_target(fitted):
    cells = tl.transport(fitted, ["p_1", "p_2"], "control", n_times=3)
    assert cells.X.dtype == np.int32
    start = cells[cells.obs["t"] == 0]
    assert differ(start.X, observed(fitted, start)) == 0
    end = cells[(cells.obs["t"] == 1) & (cells.obs["source_set"] == "p_1")]
    assert differ(end.X, observed(fitted, end)) > 0
    assert tl.transport(fitted, "p_1", "control", decode=False).var_names[0] == "PC1"
    with pytest.raises(ValueError, match="`library_size` must be None where observed counts are moved, got 500"):
        tl.transport(fitted, "p_1", "control", library_size=500)


def test_evaluation_scores_what_counts_lose(fitted, unchanged):
    with unchanged(fitted):
        table = tl.evaluate_perturbations(fitted).table()
    assert table.loc["prediction, as counts", "energy"] < 0.5 * table.loc["no effect", "energy"]
    assert table.loc["prediction, as counts", "energy"] < table.loc["prediction", "energy"] + 0.05


def test_values_that_are_no_counts_are_refused(fitted, unchanged, tiny_tde):
    fitted.layers["counts"] = fitted.layers["counts"] * 0.5
    with unchanged(fitted), pytest.raises(ValueError, match=r"`adata.layers\['counts'\]` must hold counts, whole"):
        fit(fitted, tiny_tde)
    bare = make_screen()
    with pytest.raises(KeyError, match="`layer` must name a layer"):
        fit(bare, tiny_tde, layer="raw")
    assert "tde" not in bare.uns


def test_a_representation_may_be_read_where_counts_are_moved(tiny_tde):
    adata = make_screen()
    values = np.log1p(adata.layers["counts"].toarray())
    adata.obsm["X_rep"] = (values - values.mean(axis=0))[:, :8].astype(np.float32)
    fit(adata, tiny_tde, use_rep="X_rep")
    cells = tl.predict_perturbations(adata, "p_1")
    assert cells.X.dtype == np.int32
    assert cells.n_vars == adata.n_vars


def test_a_decoder_makes_counts_of_moved_vectors(fitted_screen):
    fitted_screen.layers["counts"] = np.random.default_rng(0).poisson(3, fitted_screen.shape)
    with pytest.raises(ValueError, match="decode"):
        tl.predict_perturbations(fitted_screen, "p_1", decode=True)
    tl.fit_decoder(fitted_screen, "counts", key="tde", max_steps=5)
    assert tl.predict_perturbations(fitted_screen, "p_1", decode=True).X.dtype == np.int32
    assert tl.predict_perturbations(fitted_screen, "p_1").X.dtype == np.float32
