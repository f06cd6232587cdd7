from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse

from scgde import datasets
from scgde.model import GDE, TDE
from scgde.nn.cells import CellSpec
from scgde.predictors import Ridge

NETWORK: dict[str, Any] = {
    "n_latent": 4,
    "encoder_kwargs": {"n_hidden": 16},
    "transport_kwargs": {"n_steps": 4, "backbone_kwargs": {"n_hidden": 16, "n_layers": 1}},
}
#: Each even set is moved to the one after it.
PAIRS = [(f"set_{i}", f"set_{i + 1}") for i in range(0, 10, 2)]


@pytest.fixture
def registered(cells):
    TDE.setup_anndata(cells, set_key="donor")
    return cells


@pytest.fixture(scope="module")
def trained(training):
    """A trained model of wide means, not to be changed."""
    cells = datasets.gaussian_sets(30, 40, 2, seed=0)
    TDE.setup_anndata(cells, set_key="set")
    model = TDE(cells, **NETWORK)
    model.train(**{**training, "max_steps": 150, "sets_per_batch": 32, "target_size": 8, "lr": 2e-2})
    return model


def codes_of(adata, column="set"):
    return adata.obs[column].cat.codes.to_numpy()


def weights_of(model):
    return torch.nn.utils.parameters_to_vector(model.module.parameters()).detach().cpu().numpy()


def fit(adata, training, *, network=NETWORK, **options):
    model = TDE(adata, **network)
    model.train(**{**training, "max_steps": 10, **options})
    return model


def test_tde_learns_to_move_any_set_to_any_other(trained):
    adata = trained.adata
    z, codes = trained.get_embedding().to_numpy(), codes_of(adata)
    target = np.roll(np.arange(30), 7)
    moved = trained.transport(adata.X, codes, z, z[target])[0]
    means = pd.DataFrame(moved).groupby(codes).mean().to_numpy()
    truth = adata.uns["truth"]["mean"]
    assert np.square(means - truth[target]).mean() < 0.2 * np.square(truth - truth[target]).mean()
    validation = trained.history["validation_loss"].dropna()
    assert validation.iloc[-1] < 0.5 * validation.iloc[0]


def test_transport_starts_at_the_cells_and_ends_at_time_one(trained):
    adata, z = trained.adata, trained.get_embedding().to_numpy()
    path = trained.transport(adata.X, codes_of(adata), z, z[::-1], times=(0.0, 0.5, 1.0))
    assert path.shape == (3, *adata.shape)
    np.testing.assert_allclose(path[0], adata.X, atol=1e-5)
    end = trained.transport(adata.X, codes_of(adata), z, z[::-1])[0]
    np.testing.assert_allclose(path[2], end, atol=0.02)


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_matrix], ids=str)
def test_transport_in_blocks_equals_that_in_one_go(trained, monkeypatch, convert):
    adata, z = trained.adata, trained.get_embedding().to_numpy()
    codes = codes_of(adata)
    at_once = trained.transport(adata.X, codes, z, z[::-1])
    monkeypatch.setattr("scgde.model._inference._MAX_CELLS", 7)
    np.testing.assert_allclose(trained.transport(convert(adata.X), codes, z, z[::-1]), at_once, atol=1e-5)


def test_transport_leaves_cells_without_a_set_missing(trained):
    adata, z = trained.adata, trained.get_embedding().to_numpy()
    codes = np.where(np.arange(adata.n_obs) % 3 == 0, -1, codes_of(adata))
    moved = trained.transport(adata.X, codes, z, z[::-1])[0]
    np.testing.assert_array_equal(np.isnan(moved).all(axis=1), codes == -1)
    assert np.isfinite(moved[codes >= 0]).all()


def test_transport_moves_each_cell_by_the_embeddings_of_its_set(trained):
    adata, z = trained.adata, trained.get_embedding().to_numpy()
    some = np.flatnonzero(codes_of(adata) < 2)
    whole = trained.transport(adata.X, codes_of(adata), z, z[::-1])[0]
    part = trained.transport(adata.X[some], codes_of(adata)[some], z[:2], z[::-1][:2])[0]
    np.testing.assert_allclose(part, whole[some], atol=1e-5)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"x": np.zeros((3, 5))}, "Cells must have shape \\(2,\\) as in training, got \\(5,\\)"),
        ({"codes": [0, 1]}, "`codes` must hold a row of 2 embeddings, or -1, for each of 3 cells"),
        ({"codes": [0, 1, 2]}, "`codes` must hold a row of 2 embeddings"),
        ({"codes": [0, 1, -2]}, "`codes` must hold a row of 2 embeddings"),
        ({"source_embedding": np.zeros((2, 3))}, r"`source_embedding` must be finite and of shape \(2, 4\)"),
        ({"target_embedding": np.zeros((3, 4))}, r"`target_embedding` must be finite and of shape \(2, 4\)"),
        ({"target_embedding": np.full((2, 4), np.nan)}, "`target_embedding` must be finite"),
        ({"times": (0.0, np.nan)}, "`times` must be numbers in"),
    ],
    ids=str,
)
def test_transport_refuses_parts_that_do_not_belong_together(trained, change, match):
    parts = {
        "x": np.zeros((3, 2)),
        "codes": [0, 1, -1],
        "source_embedding": np.zeros((2, 4)),
        "target_embedding": np.zeros((2, 4)),
    }
    with pytest.raises(ValueError, match=match):
        trained.transport(**parts | change)


def test_seed_decides_the_fit_bit_for_bit(registered, training):
    first, again, other = (fit(registered, training, pairs=PAIRS, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(weights_of(first), weights_of(again))
    assert not np.array_equal(weights_of(first), weights_of(other))


@pytest.mark.parametrize(
    "options",
    [
        {"pairs": PAIRS},
        {"pairs": PAIRS, "pair_fraction": 0.75},
        {"pairs": PAIRS[::-1]},
        {"pairs": PAIRS, "pair_weights": [1, 1, 1, 1, 50]},
        {"set_weights": {f"set_{i}": i + 1 for i in range(10)}},
    ],
    ids=str,
)
def test_choice_of_pairs_changes_what_is_learnt(registered, training, options):
    plain = {"pairs": PAIRS} if len(options) > 1 else {}
    training = {**training, "validation_fraction": 0.0}
    first, other = fit(registered, training, **plain), fit(registered, training, **options)
    assert not np.array_equal(weights_of(first), weights_of(other))


def test_sets_that_are_held_out_leave_no_trace(cells, training):
    names = cells.obs["donor"].cat.categories.tolist()
    changed = cells.copy()
    changed.X[changed.obs["donor"].isin(names[8:]).to_numpy()] += 10
    # One pair is within the training sets, one straddles, one is held out.
    pairs = [(names[0], names[1]), (names[2], names[9]), (names[8], names[9])]
    weights = []
    for adata in (cells, changed):
        TDE.setup_anndata(adata, set_key="donor")
        model = fit(adata, training, pairs=pairs, train_sets=names[:6], validation_sets=names[6:8])
        weights.append(weights_of(model))
    np.testing.assert_array_equal(*weights)


def test_interrupted_fit_resumes_to_the_same_bits(registered, training, tmp_path):
    unbroken = fit(registered, training, pairs=PAIRS, max_steps=20)

    class Plan(TDE._training_plan_cls):
        def on_train_batch_end(self, *args):
            super().on_train_batch_end(*args)
            if self.global_step == 13:
                raise KeyboardInterrupt

    class Interrupted(TDE):
        _training_plan_cls = Plan

    Interrupted.setup_anndata(registered, set_key="donor")
    options = {**training, "pairs": PAIRS, "max_steps": 20, "checkpoint_dir": tmp_path}
    with pytest.raises(KeyboardInterrupt):
        Interrupted(registered, **NETWORK).train(**options)
    TDE.setup_anndata(registered, set_key="donor")
    resumed = fit(registered, options, max_steps=20)
    np.testing.assert_array_equal(weights_of(resumed), weights_of(unbroken))
    with pytest.raises(ValueError, match=r"`checkpoint_dir` must hold a fit with the same options and data"):
        fit(registered, {**options, "pairs": PAIRS[1:]}, max_steps=20)


def test_pairs_are_not_parted_by_the_random_split(registered, training):
    seen = []

    class Splitter(TDE._data_splitter_cls):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            seen.append(self)

    class Watched(TDE):
        _data_splitter_cls = Splitter

    Watched.setup_anndata(registered, set_key="donor")
    Watched(registered, **NETWORK).train(**{**training, "max_steps": 1}, pairs=PAIRS)
    assert len(seen[0].split.validation) == 2
    assert seen[0].split.validation[0] + 1 == seen[0].split.validation[1]


def test_source_condition_trains_on_pairs_alone(registered, training):
    network = NETWORK | {"condition": "source"}
    models = [fit(registered, training, network=network, pairs=PAIRS, **o) for o in ({}, {"pair_fraction": 1.0})]
    np.testing.assert_array_equal(*map(weights_of, models))
    z = models[0].get_embedding().to_numpy()
    x, codes = registered.X, codes_of(registered, "donor")
    moved = [models[0].transport(x, codes, z, target) for target in (z, z + 1)]
    np.testing.assert_array_equal(*moved)
    with pytest.raises(ValueError, match=r"training sets must hold one of `pairs`, as `pair_fraction` is 1.*0 pairs"):
        fit(registered, training, network=network)


def test_lookup_has_a_vector_for_each_training_set_only(registered, training):
    model = fit(registered, training, network=NETWORK | {"condition": "lookup"})
    vectors = model.get_embedding()
    assert vectors.index.tolist() == registered.obs["donor"].cat.categories.tolist()
    assert model.history["validation_loss"].notna().any()
    with pytest.raises(RuntimeError, match="vectors of its training sets only"):
        model.embed(registered.X, codes_of(registered, "donor"))
    with pytest.raises(RuntimeError, match="vectors of its training sets only"):
        model.get_embedding(registered.copy())
    moved = model.transport(registered.X, codes_of(registered, "donor"), vectors, vectors[::-1])
    assert moved.shape == (1, *registered.shape)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"pairs": [("set_0", "nobody")]}, KeyError, r"`pairs` must name sets, got \['nobody'\]"),
        ({"pairs": [("set_3", "set_3")]}, ValueError, "`pairs` must be of two sets each, got 'set_3' with itself"),
        ({"pairs": ["set_0", "set_1"]}, ValueError, r"`pairs` must name a source and a target each, shape \(n, 2\)"),
        ({"pairs": PAIRS, "pair_fraction": 1.5}, ValueError, r"`pair_fraction` must be a number in \[0, 1\], got 1.5"),
        ({"pairs": PAIRS, "pair_weights": [1, 2]}, ValueError, "`pair_weights` must be a positive number for"),
        ({"pairs": PAIRS, "pair_weights": [1, 1, 1, 1, np.nan]}, ValueError, "`pair_weights` must be a positive"),
        ({"pair_fraction": 1.0}, ValueError, "The training sets must hold one of `pairs`"),
        ({"set_weights": {"set_0": 1.0}}, KeyError, "`set_weights` must hold a weight for each set"),
        ({"train_sets": ["set_0"]}, ValueError, "The training sets must hold two sets, got 1 sets"),
        (
            {"train_sets": ["set_0", "set_1"], "validation_sets": ["set_2"]},
            ValueError,
            "The validation sets must hold two sets, got 1 sets",
        ),
        ({"set_size": 0}, ValueError, "`set_size` must be at least 1"),
    ],
    ids=str,
)
def test_train_refuses_options_before_anything_is_changed(registered, training, options, error, match):
    model = TDE(registered, **NETWORK)
    before = weights_of(model)
    with pytest.raises(error, match=match):
        model.train(**training | options)
    np.testing.assert_array_equal(weights_of(model), before)
    assert not model.is_trained


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({}, TypeError, "`cells` must say what a cell is where there is no data"),
        ({"cells": CellSpec.vectors(3), "encoder": "x"}, ValueError, "`encoder` must be one of"),
        ({"cells": CellSpec.vectors(3), "transport": "x"}, ValueError, "`transport` must be one of"),
        ({"cells": CellSpec.vectors(3), "condition": "target"}, ValueError, "`condition` must be one of"),
        ({"cells": CellSpec.vectors(3), "scaling": "x"}, ValueError, "`scaling` must be one of"),
        ({"cells": CellSpec.vectors(3), "condition": "lookup"}, TypeError, "`n_sets` must be an integer, got None"),
        ({"cells": CellSpec.vectors(3), "transport_kwargs": {"f": print}}, TypeError, "must hold numbers, text, lists"),
    ],
    ids=str,
)
def test_tde_refuses_options(options, error, match):
    with pytest.raises(error, match=match):
        TDE(**options)


@pytest.mark.parametrize("gaussian", [False, True])
@pytest.mark.parametrize("condition", ["both", "source", "lookup"])
def test_save_and_load_give_the_same_numbers(registered, training, tmp_path, condition, gaussian):
    options = {"condition": condition, "transport_kwargs": NETWORK["transport_kwargs"] | {"gaussian": gaussian}}
    model = fit(registered, training, network=NETWORK | options, pairs=PAIRS)
    model.save(tmp_path / "model")
    loaded = TDE.load(tmp_path / "model", adata=registered)
    pd.testing.assert_frame_equal(loaded.get_embedding(), model.get_embedding())
    z, codes = model.get_embedding().to_numpy(), codes_of(registered, "donor")
    moved = [m.transport(registered.X, codes, z, z[::-1], times=(0.3, 1.0)) for m in (model, loaded)]
    np.testing.assert_array_equal(*moved)
    assert loaded.history.equals(model.history)
    assert loaded.is_trained


@pytest.mark.parametrize("gaussian", [False, True])
def test_tde_trains_in_mixed_precision(registered, training, gaussian):
    options = {"transport_kwargs": NETWORK["transport_kwargs"] | {"gaussian": gaussian}}
    model = fit(registered, training | {"precision": "bf16-mixed"}, network=NETWORK | options)
    assert model.history["train_loss"].abs().max() < 100
    assert np.isfinite(model.get_embedding()).all(axis=None)


def test_predictor_is_saved_with_the_model(trained, tmp_path):
    model = TDE.from_stored(trained.to_stored())
    assert model.predictor is None
    z = trained.get_embedding().to_numpy()
    model.predictor = Ridge().fit(z[::2], z[1::2])
    model.save(tmp_path / "model")
    loaded = TDE.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predictor.mean(z), model.predictor.mean(z))
    np.testing.assert_array_equal(weights_of(loaded), weights_of(trained))


def test_models_do_not_read_one_another(trained, network):
    with pytest.raises(ValueError, match="A stored model must be a GDE, got 'TDE'"):
        GDE.from_stored(trained.to_stored())
    with pytest.raises(ValueError, match="A stored model must be a TDE, got 'GDE'"):
        TDE.from_stored(GDE(cells=CellSpec.vectors(2), **network).to_stored())


def test_tde_without_data_says_so():
    model = TDE(cells=CellSpec.vectors(2), **NETWORK)
    with pytest.raises(RuntimeError, match="Data is required"):
        model.train(1)
    assert model.embed(np.zeros((3, 2)), np.zeros(3, dtype=int)).shape == (1, 4)


def test_tde_can_be_printed(trained, capsys):
    assert "TDE: pooled_gnn -> 4 -> flow_matching" in repr(trained) + capsys.readouterr().out


def test_latent_scale_of_a_transport_follows_the_units_of_the_cells(registered):
    network = {**NETWORK, "isometry": 0.1, "scaling": "common"}
    scales = []
    for factor in (1, 64):
        registered.X = factor * registered.X
        TDE.setup_anndata(registered, set_key="donor")
        model = TDE(registered, **network)
        model.train(5, progress_bar=False, accelerator="cpu", validation_fraction=0)
        scales.append(model.latent_scale)
    assert scales[1] == pytest.approx(64 * scales[0], rel=1e-3)
    assert TDE(registered, **NETWORK).latent_scale is None


def test_a_transport_takes_distances_in_discriminant_coordinates(registered):
    model = TDE(registered, **NETWORK, isometry=0.1, isometry_ground="gaussian")
    before = model.module.discriminants.directions.clone()
    model.train(2, progress_bar=False, accelerator="cpu", validation_fraction=0)
    assert not torch.equal(model.module.discriminants.directions, before)
    assert np.isfinite(model.get_embedding().to_numpy()).all()
