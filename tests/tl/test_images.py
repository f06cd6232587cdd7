"""Cells that are images: every verb of `tl` from one fit, with the defaults of the kind."""

from __future__ import annotations

from typing import Any

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
import zarr

from scgde import tl

N_SETS, N_CELLS, SIDE = 40, 40, 6
OPTIONS: dict[str, Any] = {
    "n_latent": 4,
    "sets_per_batch": 16,
    "set_size": 20,
    "max_steps": 120,
    "progress_bar": False,
    "accelerator": "cpu",
    "encoder_kwargs": {"n_hidden": 32},
    "featurizer_kwargs": {"n_hidden": 8, "n_output": 16},
    "generator_kwargs": {"n_steps": 4, "backbone_kwargs": {"n_hidden": 8, "n_levels": 1}},
    "train_kwargs": {"lr": 0.01, "target_size": 8},
}


def spots(n_sets: int, seed: int) -> ad.AnnData:
    """Images of a bright spot near the position of the set, on a dark channel of noise."""
    rng = np.random.default_rng(seed)
    position = rng.uniform(-1, 1, size=(n_sets, 2))
    center = 2.5 + np.repeat(position, N_CELLS, axis=0) + 0.3 * rng.standard_normal((n_sets * N_CELLS, 2))
    square = np.square(np.moveaxis(np.indices((SIDE, SIDE)), 0, -1) - center[:, None, None]).sum(axis=-1)
    levels = np.stack([200 * np.exp(-square / 3), 20 + 2 * rng.standard_normal(square.shape)], axis=1)
    names = [f"well_{i:02d}" for i in range(n_sets)]
    obs = pd.DataFrame({"well": np.repeat(names, N_CELLS), "side": np.repeat(position[:, 0] > 0, N_CELLS).astype(str)})
    adata = ad.AnnData(obs=obs.rename(index=str), obsm={"X_images": levels.round().clip(0, 255).astype(np.uint8)})
    adata.uns["position"] = position
    return adata


def means(adata: ad.AnnData, column: str = "well") -> np.ndarray:
    """Mean image of the first channel of each set, in the order of their names."""
    pixels = adata.obsm["X_images"][:, 0].reshape(adata.n_obs, -1).astype(float)
    return pd.DataFrame(pixels).groupby(adata.obs[column].astype(str).to_numpy()).mean().to_numpy()


def r2(predicted: np.ndarray, truth: np.ndarray) -> float:
    return float(1 - np.square(predicted - truth).sum() / np.square(truth - truth.mean(axis=0)).sum())


@pytest.fixture(scope="module")
def fitted_images() -> ad.AnnData:
    adata = spots(N_SETS, seed=0)
    tl.fit_gde(adata, "well", use_rep="X_images", **OPTIONS)
    return adata


@pytest.fixture
def fitted(fitted_images) -> ad.AnnData:
    return fitted_images.copy()


@pytest.fixture
def far(fitted) -> tuple[str, str]:
    """The two sets whose spots are farthest apart."""
    position = fitted.uns["position"]
    first, last = np.unravel_index(np.square(position[:, None] - position).sum(axis=-1).argmax(), (N_SETS, N_SETS))
    return f"well_{first:02d}", f"well_{last:02d}"


def test_the_entry_declares_its_kind_and_the_kind_its_networks(fitted):
    params = fitted.uns["gde"]["params"]
    assert {params[name] for name in ("cells", "featurizer", "generator")} == {"images", "conv2d", "flow_matching"}
    assert params["generator_kwargs"]["backbone"] == "unet"
    assert params["train_kwargs"]["target_size"] == OPTIONS["train_kwargs"]["target_size"]
    assert (params["isometry"], params["isometry_ground"]) == (0.1, "gaussian")


@pytest.mark.parametrize("options", [{"cells": "images"}, {"use_rep": "X_images", "generator": "diffusion"}])
def test_a_fit_needs_no_options_of_networks(options):
    adata = spots(4, seed=0)
    tl.fit_gde(adata, "well", max_steps=1, sets_per_batch=2, progress_bar=False, validation_fraction=0, **options)
    assert tl.generate(adata, n_cells=2).obsm["X_images"].shape == (8, 2, SIDE, SIDE)


def test_generated_images_follow_their_sets_in_the_type_of_the_entry(fitted):
    generated = tl.generate(fitted, n_cells=60)
    assert generated.X is None
    assert generated.obsm["X_images"].dtype == np.uint8
    assert r2(means(generated, "set"), means(fitted)) > 0.7
    assert generated.obsm["X_images"][:, 1].mean() == pytest.approx(20, abs=3)


def test_new_sets_are_embedded_and_generated_after_a_round_trip(fitted, round_trip):
    new = spots(20, seed=1)
    tl.embed(new, round_trip(fitted))
    generated = round_trip(tl.generate(round_trip(new), n_cells=60))
    assert r2(means(generated, "set"), means(new)) > 0.6
    tl.embed(new, fitted)
    np.testing.assert_array_equal(tl.generate(new, n_cells=60).obsm["X_images"], generated.obsm["X_images"])


def test_order_and_copies_of_cells_do_not_matter(fitted):
    cells = spots(N_SETS, seed=0)
    again = ad.concat([cells, cells[::-1]], index_unique="-")
    tl.embed(again, fitted)
    np.testing.assert_allclose(again.uns["gde"]["embedding"], fitted.uns["gde"]["embedding"], atol=1e-5)


def test_generation_beats_the_cells_of_all_sets(fitted):
    scores = tl.score_generation(fitted, n_cells=100, n_repeats=2)
    assert scores["generated"].mean() < 0.5 * scores["pooled"].mean()
    assert "gaussian" not in scores


@pytest.mark.parametrize("metric", ["embedding", "energy", "mahalanobis"])
def test_distances_follow_the_positions_of_spots(fitted, metric):
    tl.uncertainty(fitted)
    square, position = tl.distances(fitted, metric=metric).to_numpy(), fitted.uns["position"]
    upper = np.triu_indices(N_SETS, k=1)
    truth = np.linalg.norm(position[:, None] - position, axis=-1)
    assert np.corrcoef(square[upper], truth[upper])[0, 1] > 0.6


def test_one_image_moves_along_a_path(fitted, far):
    path = tl.interpolate(fitted, *far, n_steps=5, n_cells=60)
    ends = (means(fitted)[int(name[-2:])] for name in far)
    first, last = ends
    progress = (means(path, "t") - first) @ (last - first) / np.square(last - first).sum()
    assert (np.diff(progress) > 0).all()
    assert progress[-1] - progress[0] > 0.5
    assert path.obsm["X_images"].shape == (300, 2, SIDE, SIDE)


def test_sets_are_compared_classified_and_explained(fitted, far):
    tl.uncertainty(fitted)
    assert tl.compare_sets(fitted, *far).p_value < 0.01
    assert tl.compare_groups(fitted, "side", n_permutations=199).p_value < 0.05
    scores = tl.classify(fitted, "side", n_repeats=1, baselines=False, progress_bar=False)
    assert scores.set_index("score").loc["accuracy", "value"] > 0.8
    explained = tl.explain(fitted, *far, n_cells=100, n_steps=3)
    assert explained.total > 10 * explained.floor
    assert len(explained.features) == 2 * SIDE * SIDE


def test_images_are_transported(tiny):
    adata = spots(8, seed=0)
    options = {name: OPTIONS[name] for name in ("n_latent", "progress_bar", "accelerator", "encoder_kwargs")}
    tl.fit_tde(adata, "well", use_rep="X_images", max_steps=2, sets_per_batch=4, validation_fraction=0, **options)
    moved = tl.transport(adata, "well_00", "well_01")
    assert moved.obsm["X_images"].dtype == np.uint8
    assert moved.obsm["X_images"].shape[1:] == (2, SIDE, SIDE)


def test_the_encoder_may_read_vectors_where_images_are_generated():
    adata = spots(6, seed=0)
    adata.obsm["X_pca"] = adata.obsm["X_images"][:, 0].reshape(adata.n_obs, -1)[:, :5].astype(np.float32)
    model = tl.fit_gde(
        adata, "well", generate="X_images", max_steps=2, sets_per_batch=4, progress_bar=False, validation_fraction=0
    )
    assert [type(one).__name__ for one in model.representations] == ["Vectors", "Images"]
    assert tl.generate(adata, "well_00", n_cells=3).obsm["X_images"].shape == (3, 2, SIDE, SIDE)


@pytest.mark.parametrize("kind", ["h5py", "zarr"])
def test_images_on_disk_give_the_same_fit(kind, tmp_path):
    adata = spots(6, seed=0)
    options = OPTIONS | {"max_steps": 3, "sets_per_batch": 4, "validation_fraction": 0}
    expected = tl.fit_gde(adata, "well", cells="images", **options).get_embedding()
    pixels = adata.obsm["X_images"]
    if kind == "zarr":
        entry = zarr.create_array(tmp_path / "x.zarr", shape=pixels.shape, dtype="uint8", chunks=(1, *pixels.shape[1:]))
        entry[:] = pixels
    else:
        entry = h5py.File(tmp_path / "x.h5", "w").create_dataset("x", data=pixels)
    on_disk = ad.AnnData(obs=adata.obs[["well"]], obsm={"X_images": entry})
    model = tl.fit_gde(on_disk, "well", cells="images", **options)
    pd.testing.assert_frame_equal(model.get_embedding(), expected)


def test_what_images_cannot_be_is_refused_before_any_work(fitted):
    with pytest.raises(ValueError, match="`decode=True` needs a fit on principal components, got images"):
        tl.generate(fitted, decode=True)
    with pytest.raises(
        ValueError, match=r"`featurizer` must support 'images' cells, got MLP.*Those that do: \['conv2d"
    ):
        tl.fit_gde(fitted, "well", use_rep="X_images", featurizer="mlp", key_added="other", **OPTIONS)
    with pytest.raises(ValueError, match=r"`backbone` must support 'images' cells, got MLP.*Those that do: \['unet"):
        tl.fit_gde(fitted, "well", use_rep="X_images", generator_kwargs={"backbone": "mlp"}, key_added="other")
    with pytest.raises(ValueError, match=r"must have shape \(n_obs, n_features\), got"):
        tl.fit_gde(fitted, "well", cells="vectors", use_rep="X_images", key_added="other")
    assert "other" not in fitted.uns
