from __future__ import annotations

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from scipy import sparse

import scgde
from scgde import pl, tl

TINY = {
    "n_latent": 4,
    "min_cells": 1,
    "max_steps": 20,
    "sets_per_batch": 8,
    "set_size": 8,
    "progress_bar": False,
    "accelerator": "cpu",
    "encoder_kwargs": {"n_hidden": 16},
    "transport_kwargs": {"n_steps": 4, "backbone_kwargs": {"n_hidden": 16, "n_layers": 1}},
}


@pytest.fixture(scope="module")
def fitted():
    adata = scgde.datasets.clones(40, paired_fraction=0.5, n_features=3, seed=0)
    tl.fit_tde(adata, "clone", time_key="time", predictor="neighbors", **TINY)
    return adata


@pytest.fixture(scope="module")
def ends(fitted):
    return tuple(fitted.uns["tde"]["pairs"][["source", "target"]].iloc[0])


def test_transport_draws_a_path_for_each_cell_of_the_source(fitted, ends):
    cells = tl.transport(fitted, *ends, n_times=5)
    axes = pl.transport(fitted, cells, show=False)
    (lines,) = [part for part in axes.collections if isinstance(part, LineCollection)]
    n_cells = (fitted.obs["tde_set"] == ends[0]).sum()
    assert len(lines.get_segments()) == 4 * n_cells


def test_transport_starts_at_the_cells_where_the_features_are_the_axes(fitted, ends):
    cells = tl.transport(fitted, *ends, n_times=3)
    axes = pl.transport(fitted, cells, basis=None, show=False)
    (lines,) = [part for part in axes.collections if isinstance(part, LineCollection)]
    drawn = np.concatenate([np.asarray(part) for part in lines.get_segments()])
    source = np.asarray(fitted[fitted.obs["tde_set"] == ends[0]].X)[:, :2]
    distance = np.linalg.norm(source[:, None] - drawn[None], axis=-1).min(axis=1)
    assert distance.max() < 1e-4


def test_transport_says_what_is_drawn_and_shows_the_cells_of_the_target(fitted, ends):
    axes = pl.transport(fitted, tl.transport(fitted, *ends, n_times=3), basis=None, show=False)
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert {float(handle.get_sizes()[0]) for handle in axes.get_legend().legend_handles} == {20}
    assert labels == ["observed", "observed target", "source cells", "transported to t = 1"]
    drawn = np.asarray(next(part for part in axes.collections if part.get_label() == "observed target").get_offsets())
    np.testing.assert_allclose(drawn, np.asarray(fitted[fitted.obs["tde_set"] == ends[1]].X)[:, :2])
    n_cells = (fitted.obs["tde_set"] == ends[0]).sum()
    assert axes.get_title("left") == f"{n_cells} cells: {ends[0]} to {ends[1]}"
    assert axes.figure.axes[1].get_ylabel() == "t, from source to target"


def test_transport_tells_the_draws_of_a_forecast_apart(fitted, ends):
    cells = tl.forecast(fitted, ends[0], to=4, n_draws=8, n_times=3)
    axes = pl.transport(fitted, cells, basis=None, show=False)
    n_cells = (fitted.obs["tde_set"] == ends[0]).sum()
    assert axes.get_title("left").startswith(f"{6 * n_cells} cells, 6 of 8 draws")
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert "draw 6 at t = 1" in labels
    assert "draw 7 at t = 1" not in labels
    x = cells.X.reshape(3, 8, n_cells, -1)
    means = [line.get_xydata() for line in axes.lines if len(line.get_xdata())]
    draws = cells.obs["draw"].to_numpy()[: 8 * n_cells].reshape(8, n_cells)
    assert (draws == draws[:, :1]).all()
    np.testing.assert_allclose(means, x[:, :6, :, :2].mean(axis=2).transpose(1, 0, 2), rtol=1e-4)


@pytest.mark.parametrize("verb", ["transport", "forecast"])
def test_transport_draws_cells_where_they_arrive_from_where_they_are(fitted, ends, verb):
    cells = tl.transport(fitted, *ends) if verb == "transport" else tl.forecast(fitted, ends[0], to=4, n_draws=2)
    axes = pl.transport(fitted, cells, basis=None, show=False)
    (lines,) = [part for part in axes.collections if isinstance(part, LineCollection)]
    first = np.stack([np.asarray(part)[0] for part in lines.get_segments()])
    source = np.asarray(fitted[fitted.obs["tde_set"] == ends[0]].X)[:, :2]
    assert np.linalg.norm(source[:, None] - first[None], axis=-1).min(axis=0).max() < 1e-4


def test_transport_refuses_counts(fitted, ends):
    cells = tl.transport(fitted, *ends)
    cells.X = sparse.csr_matrix(np.round(np.abs(cells.X)))
    with pytest.raises(ValueError, match="`transported` must hold vectors, got counts"):
        pl.transport(fitted, cells)


def test_transport_refuses_cells_of_other_features(fitted, ends):
    cells = tl.transport(fitted, *ends, n_times=3)[:, :2].copy()
    with pytest.raises(ValueError, match="`transported` must have the 3 training features, got 2"):
        pl.transport(fitted, cells, show=False)


@pytest.mark.parametrize("basis", ["other", "X_other"])
def test_transport_starts_at_the_positions_of_the_cells_in_another_basis(fitted, ends, basis):
    adata = fitted.copy()
    adata.obsm["X_other"] = np.random.default_rng(0).normal(size=(adata.n_obs, 2))
    axes = pl.transport(adata, tl.transport(adata, *ends, n_times=3), basis=basis, show=False)
    (lines,) = [part for part in axes.collections if isinstance(part, LineCollection)]
    drawn = np.concatenate([np.asarray(part) for part in lines.get_segments()])
    positions = adata.obsm["X_other"][(adata.obs["tde_set"] == ends[0]).to_numpy()]
    assert np.linalg.norm(positions[:, None] - drawn[None], axis=-1).min(axis=1).max() < 1e-3
    assert (np.abs(drawn) <= np.abs(adata.obsm["X_other"]).max(axis=0) + 1e-6).all()
    assert axes.get_xlabel() == "other 1"


@pytest.mark.parametrize(
    ("n_times", "options", "error", "match"),
    [
        (3, {"basis": "nobody"}, KeyError, "`basis` must be .* or name an entry of `adata.obsm`, got .*nobody"),
        (3, {"basis": ("nobody", "noone")}, KeyError, "`basis` must name two features"),
        (3, {"key": "nobody"}, KeyError, r"scgde\.tl\.fit_tde"),
        (3, {"n_paths": 0}, ValueError, "`n_paths` must be at least 1"),
    ],
)
def test_transport_says_what_is_wrong(fitted, ends, n_times, options, error, match):
    cells = tl.transport(fitted, *ends, n_times=n_times)
    with pytest.raises(error, match=match):
        pl.transport(fitted, cells, show=False, **options)
