from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from scgde import datasets, tl
from scgde.data import CellSets
from scgde.results._fits import default_steps, open_representations
from scgde.results._frames import frame_errors
from scgde.sets import group_cells

TINY = {
    "max_steps": 5,
    "sets_per_batch": 8,
    "set_size": 16,
    "progress_bar": False,
    "encoder_kwargs": {"n_hidden": 16},
    "generator_kwargs": {"backbone_kwargs": {"n_hidden": 16, "n_layers": 1}},
}


def donors(n_sets, n_features=3, n_cells=12):
    """Donors whose means and widths differ."""
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(n_sets), n_cells)
    x = rng.normal(size=(n_sets, n_features))[codes] * 3
    x += rng.uniform(0.3, 1.5, n_sets)[codes, None] * rng.standard_normal((len(codes), n_features))
    obs = pd.DataFrame(
        {"donor": [f"d{i:03d}" for i in codes], "site": np.where(codes % 2, "a", "b")},
        index=[f"c{i}" for i in range(len(codes))],
    )
    return AnnData(x.astype(np.float32), obs=obs)


def mixtures(n_sets, n_cells=24):
    """Donors that have their cells in the same three states, in shares of their own."""
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.ones(3), n_sets)
    states = np.concatenate([rng.choice(3, n_cells, p=p) for p in shares])
    x = 5 * np.eye(3)[states] + 0.3 * rng.standard_normal((len(states), 3))
    obs = pd.DataFrame({"donor": np.repeat([f"d{i:03d}" for i in range(n_sets)], n_cells)})
    return AnnData(x.astype(np.float32), obs=obs.set_index(obs.index.astype(str)))


def kinds(n_sets, n_cells=60):
    """Donors of two kinds, whose cells lie along axes of their own, shifted each by less than kinds are apart."""
    rng = np.random.default_rng(0)
    kind = np.repeat(np.arange(n_sets) % 2, n_cells)
    shift = np.repeat(2 * rng.standard_normal((n_sets, 3)), n_cells, axis=0)
    axes = np.array([[1, 1, 1], [1, -1, 1]])[kind]
    x = shift + 60 * kind[:, None] + rng.choice([-1, 1], len(kind))[:, None] * axes
    x += 0.1 * rng.standard_normal(x.shape)
    obs = pd.DataFrame({"donor": np.repeat([f"d{i:03d}" for i in range(n_sets)], n_cells)})
    return AnnData(x.astype(np.float32), obs=obs.set_index(obs.index.astype(str)))


def cell_sets(adata, **options):
    options = {"cells": None, "use_rep": None, "layer": None, "generate": None} | options
    grouping = group_cells(adata.obs, "donor")
    views = open_representations(adata, **options).fit(adata, grouping, np.arange(grouping.codes.max() + 1))
    return CellSets.from_grouping(adata, grouping, *views)


@pytest.mark.parametrize(
    ("adata", "expected"),
    [
        (donors(299), True),
        (donors(330, n_cells=24), True),
        (mixtures(299), True),
        (mixtures(330), False),
        (kinds(330), "dropout"),
    ],
    ids=["few", "many that differ in frame", "few mixtures", "many mixtures", "many in frames of the nearest"],
)
def test_moments_by_default_where_sets_are_few_or_differ_in_frame(adata, expected):
    model = tl.fit_gde(adata, "donor", validation_fraction=0.0, **TINY)
    assert (model.module.core is not None) == bool(expected)
    assert model.config["moments"] == expected
    assert (model.module.moment_dropout.share > 0) == (expected == "dropout")


def test_sets_of_few_cells_do_not_tell_in_what_they_differ():
    assert frame_errors(cell_sets(donors(230, n_cells=9)), np.arange(230), seed=0) is None


def test_identical_sets_do_not_differ_in_frame():
    adata = donors(330, n_cells=24)
    adata.X[:] = 1
    assert frame_errors(cell_sets(adata), np.arange(230), seed=0) is None


def test_many_sets_may_have_moments_and_few_need_not():
    assert tl.fit_gde(mixtures(330), "donor", moments=True, **TINY).module.core is not None
    assert tl.fit_gde(donors(10), "donor", moments=False, **TINY).module.core is None


def test_fits_with_virtual_sets_take_more_steps_by_default():
    cells = cell_sets(donors(10))
    assert default_steps(cells, 10, moments=True) > default_steps(cells, 10, moments=False) == 1000
    assert default_steps(cells, 299, moments=True) == 2500
    assert default_steps(cells, 300, moments=True) == 1000


@pytest.mark.parametrize(("cells", "steps"), [("counts", 1500), ("components", 2500)])
def test_fits_of_counts_take_more_steps_by_default_too(cells, steps):
    adata = datasets.cohort(8, n_genes=20, n_cells=(12, 20), seed=0)
    counted = cell_sets(adata, cells=cells, layer="counts")
    assert default_steps(counted, 8, moments=True) == steps
    assert default_steps(counted, 8, moments=False) == default_steps(counted, 300, moments=True) == 1000


def test_dimensions_have_room_for_the_moments_by_default():
    adata = donors(10, n_features=10)
    assert tl.fit_gde(adata, "donor", **TINY).module.n_embed == 10 + 55 + 16
    assert adata.obsm["X_gde"].shape == (adata.n_obs, 81)
    assert tl.fit_gde(adata, "donor", moments=False, **TINY).module.n_embed == 32
    assert tl.fit_gde(adata, "donor", n_latent=7, **TINY).module.n_embed == 7


def test_dropout_of_moments_travels_with_the_model():
    model = tl.fit_gde(donors(10), "donor", moments="dropout", **TINY)
    assert model.module.n_core == 9
    loaded = type(model).from_stored(model.to_stored())
    assert loaded.config["moments"] == "dropout"
    assert loaded.module.moment_dropout.share == model.module.moment_dropout.share > 0


@pytest.mark.parametrize(("moments", "error"), [("drop", ValueError), (2, TypeError)])
def test_other_moments_are_refused(moments, error):
    adata = donors(10)
    with pytest.raises(error, match="`moments` must be"):
        tl.fit_gde(adata, "donor", moments=moments, **TINY)
    assert "gde" not in adata.uns


def test_a_batch_leaves_no_moments():
    adata = donors(10)
    assert tl.fit_gde(adata, "donor", batch_key="site", **TINY).module.core is None
    before = adata.copy()
    with pytest.raises(ValueError, match="`moments` must be False with batches"):
        tl.fit_gde(adata, "donor", batch_key="site", moments=True, key_added="other", **TINY)
    assert set(adata.uns) == set(before.uns)


def test_a_new_set_lies_where_its_cells_lie_from_the_first_step_on():
    adata = donors(20)
    model = tl.fit_gde(adata, "donor", **{**TINY, "max_steps": 1})
    rng = np.random.default_rng(1)
    far = (np.array([30.0, -20.0, 0.0]) + rng.standard_normal((200, 3))).astype(np.float32)
    cells = model.generate(model.embed(far, np.zeros(200, dtype=int)), 400)[0]
    np.testing.assert_allclose(cells.mean(axis=0), far.mean(axis=0), atol=1.0)


def test_isometry_starts_in_the_units_of_the_moments():
    adata = donors(40)
    model = tl.fit_gde(adata, "donor", isometry=0.1, scaling="common", **{**TINY, "max_steps": 1})
    distances = np.asarray(tl.distances(adata, metric="embedding"))
    names = adata.uns["gde"]["sets"].index
    means = np.stack([adata.X[adata.obs["donor"] == name].mean(axis=0) for name in names])
    between = np.linalg.norm(means[:, None] - means, axis=-1)
    ratio = distances / np.where(between > 0, between, np.nan)
    assert 0.8 < np.nanmedian(ratio) < 1.3
    assert model.latent_scale > 0


def test_discriminant_coordinates_pass_over_what_is_common():
    adata = donors(40, n_cells=60)
    common = 5 * np.random.default_rng(1).standard_normal((adata.n_obs, 4))
    wide = AnnData(np.hstack([common, adata.X]).astype(np.float32), obs=adata.obs)
    model = tl.fit_gde(wide, "donor", isometry=0.1, isometry_ground="gaussian", moments=False, **TINY)
    of_feature = model.module.discriminants.directions.norm(dim=0)
    assert of_feature[:4].max() < 0.2 * of_feature[4:].min()
    assert model.latent_scale is None
    tl.uncertainty(wide)
    assert np.isfinite(np.asarray(tl.distances(wide, metric="standard_error"))).all()


def test_too_many_features_for_discriminant_coordinates_are_refused():
    adata = donors(4, n_features=1100)
    with pytest.raises(ValueError, match=r"at most 1,024 coordinates of a cell, got 1,100"):
        tl.fit_gde(adata, "donor", isometry=0.1, isometry_ground="gaussian", **TINY)
    assert "gde" not in adata.uns


def test_moments_travel_with_the_file(tmp_path):
    adata = donors(10)
    model = tl.fit_gde(adata, "donor", **TINY)
    loaded = type(model).from_stored(model.to_stored())
    x, codes = adata.X[:24], np.repeat([0, 1], 12)
    np.testing.assert_allclose(loaded.embed(x, codes), model.embed(x, codes), atol=1e-6)
    np.testing.assert_allclose(loaded.generate(loaded.embed(x, codes), 5), model.generate(model.embed(x, codes), 5))


def test_a_large_set_is_embedded_in_chunks_as_in_one_piece(monkeypatch):
    adata = donors(10)
    model = tl.fit_gde(adata, "donor", **TINY)
    x = np.random.default_rng(0).normal(size=(500, 3)).astype(np.float32) + 4
    whole = model.embed(x, np.zeros(500, dtype=int))
    monkeypatch.setattr(type(model), "_max_cells", property(lambda self: 64))
    np.testing.assert_allclose(model.embed(x, np.zeros(500, dtype=int)), whole, atol=1e-4)
