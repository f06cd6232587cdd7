from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse

from scgde.model import GDE
from scgde.nn.cells import CellSpec


def _weights(model):
    return torch.nn.utils.parameters_to_vector(model.module.parameters()).detach().cpu().numpy()


def test_gde_learns_and_embeds_each_set(trained):
    embedding = trained.get_embedding()
    names = trained.adata.obs["donor"].cat.categories
    assert embedding.index.tolist() == names.tolist()
    assert embedding.shape == (len(names), 4)
    history = trained.history
    assert history["validation_loss"].dropna().iloc[-1] < history["validation_loss"].dropna().iloc[0]
    assert trained.is_trained


def test_gde_history_counts_steps(trained):
    assert trained.history.columns.tolist() == ["step", "train_loss", "validation_loss"]
    assert trained.history["step"].tolist() == [10, 20, 30]
    assert trained.history.notna().all(axis=None)


def test_gde_history_has_gaps_where_nothing_was_validated(registered, network, training):
    model = GDE(registered, **network)
    model.train(**{**training, "max_steps": 25, "steps_per_validation": 20})
    assert model.history["step"].tolist() == [10, 20, 25]
    assert model.history["validation_loss"].isna().tolist() == [True, False, False]


def test_gde_history_is_empty_before_training(registered, network):
    assert GDE(registered, **network).history.empty


@pytest.mark.parametrize(
    ("setup", "n_features"), [({}, 4), ({"use_rep": "X_rep"}, 3), ({"layer": "counts"}, 4)], ids=str
)
def test_gde_reads_the_entry_that_was_set_up(cells, network, training, setup, n_features):
    GDE.setup_anndata(cells, set_key="donor", **setup)
    model = GDE(cells, **network)
    model.train(**{**training, "max_steps": 2})
    assert model.generate(model.get_embedding().to_numpy(), 3).shape == (10, 3, n_features)


def test_gde_takes_a_data_frame_in_obsm(cells, network, training):
    cells.obsm["X_frame"] = pd.DataFrame(cells.X, index=cells.obs_names, columns=list("abcd"))
    GDE.setup_anndata(cells, set_key="donor", use_rep="X_frame")
    model = GDE(cells, **network)
    model.train(**{**training, "max_steps": 2})
    assert np.isfinite(model.get_embedding()).all(axis=None)


@pytest.mark.parametrize(
    ("setup", "match"),
    [
        ({"set_key": "patient"}, "`set_key` must name an entry of `adata.obs`, got 'patient'"),
        ({"set_key": "donor", "use_rep": "X_scvi"}, "`use_rep` must name an entry of `adata.obsm`"),
        ({"set_key": "donor", "layer": "spliced"}, "`layer` must name an entry of `adata.layers`"),
    ],
    ids=str,
)
def test_setup_anndata_names_an_entry_that_is_missing(cells, setup, match):
    with pytest.raises(KeyError, match=match):
        GDE.setup_anndata(cells, **setup)


def test_setup_anndata_refuses_two_sources_of_features(cells):
    with pytest.raises(ValueError, match="`use_rep` and `layer` exclude each other"):
        GDE.setup_anndata(cells, set_key="donor", use_rep="X_rep", layer="counts")


def test_setup_anndata_refuses_a_column_of_missing_values(cells):
    cells.obs["donor"] = np.nan
    with pytest.raises(ValueError, match="must name the set of at least one cell"):
        GDE.setup_anndata(cells, set_key="donor")


def test_gde_embeds_other_data_and_writes_nothing_to_it(trained, cells):
    other = cells[::2].copy()
    columns, uns = list(other.obs), list(other.uns)
    embedding = trained.get_embedding(other)
    assert embedding.index.tolist() == other.obs["donor"].cat.categories.tolist()
    assert (list(other.obs), list(other.uns)) == (columns, uns)
    np.testing.assert_allclose(trained.get_embedding(cells), trained.get_embedding(), atol=1e-6)


def test_gde_names_what_other_data_lacks(trained, cells):
    del cells.obs["donor"]
    with pytest.raises(KeyError, match=r"`set_key` must name an entry of `adata.obs`, got 'donor'"):
        trained.get_embedding(cells)


def test_gde_refuses_data_with_another_number_of_features(trained, cells):
    with pytest.raises(KeyError, match="all variables of the reference, but 1 are missing"):
        trained.get_embedding(cells[:, :3].copy())
    with pytest.raises(ValueError, match=r"Cells must have shape \(4,\) as in training, got \(2,\)"):
        trained.embed(cells.X[:, :2], np.zeros(cells.n_obs, dtype=int))


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_matrix, sparse.csc_matrix], ids=str)
def test_embed_of_arrays_gives_what_get_embedding_gives(trained, cells, convert):
    codes = cells.obs["donor"].cat.codes.to_numpy()
    embedding = trained.embed(convert(cells.X), codes)
    np.testing.assert_allclose(embedding, trained.get_embedding(), atol=1e-6)


@pytest.mark.parametrize("encoder", ["pooled_gnn", "deep_sets"])
def test_embedding_in_chunks_equals_that_in_one_go(registered, network, monkeypatch, encoder):
    model = GDE(registered, encoder=encoder, **network)
    at_once = model.get_embedding()
    monkeypatch.setattr("scgde.model._inference._MAX_CELLS", 5)
    np.testing.assert_allclose(model.get_embedding(), at_once, atol=1e-6)


def test_generation_in_batches_covers_all_sets(trained, monkeypatch):
    z = trained.get_embedding().to_numpy()
    monkeypatch.setattr("scgde.model._inference._MAX_CELLS", 25)
    cells = trained.generate(z, 10)
    assert cells.shape == (10, 10, 4)
    assert np.isfinite(cells).all()


def test_gde_splits_sets_and_not_cells(registered, network, training):
    seen = []

    class Splitter(GDE._data_splitter_cls):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            seen.append(tuple(self.split))

    class Watched(GDE):
        _data_splitter_cls = Splitter

    Watched.setup_anndata(registered, set_key="donor")
    model = Watched(registered, **network)
    model.train(**{**training, "max_steps": 1})
    train, validation = seen[0]
    assert len(train) == 8
    assert len(validation) == 2
    assert sorted([*train, *validation]) == list(range(10))


def test_gde_trains_on_named_sets(registered, network, training):
    names = registered.obs["donor"].cat.categories.tolist()
    changed = registered.copy()
    unused = changed.obs["donor"].isin(names[6:]).to_numpy()
    changed.X[unused] += 10
    weights = []
    for adata in (registered, changed):
        GDE.setup_anndata(adata, set_key="donor")
        model = GDE(adata, **network)
        model.train(**training, train_sets=names[:5], validation_sets=names[5:6])
        weights.append(_weights(model))
    np.testing.assert_array_equal(*weights)


def test_gde_names_training_sets_that_are_unknown(registered, network, training):
    model = GDE(registered, **network)
    with pytest.raises(KeyError, match=r"`train_sets` must name sets, got \['nobody'\]"):
        model.train(**training, train_sets=["nobody", "set_1"])
    with pytest.raises(KeyError, match="`validation_sets` must name sets"):
        model.train(**training, train_sets=["set_1", "set_2"], validation_sets=["nobody"])


def test_gde_keeps_the_weights_with_the_lowest_validation_loss(registered, network, training):
    model = GDE(registered, **network, moments=False)
    longer = {**training, "max_steps": 60, "lr": 1.0, "ema_decay": 0.5}
    model.train(**longer)
    losses = model.history["validation_loss"].dropna()
    assert losses.idxmin() < losses.index[-1], "the test needs a best validation before the last"

    stop, weights = int(model.history["step"][losses.idxmin()]), []

    class Plan(GDE._training_plan_cls):
        def on_train_batch_end(self, *args):
            super().on_train_batch_end(*args)
            if self.global_step == stop:
                weights.append(torch.nn.utils.parameters_to_vector(self.averaged.module.parameters()).clone())

    class Watched(GDE):
        _training_plan_cls = Plan

    Watched.setup_anndata(registered, set_key="donor")
    watched = Watched(registered, **network, moments=False)
    watched.train(**longer)
    np.testing.assert_array_equal(_weights(watched), weights[0].numpy())
    np.testing.assert_array_equal(_weights(watched), _weights(model))


def test_gde_stops_early(registered, network, training):
    model = GDE(registered, **network)
    model.train(**{**training, "max_steps": 500, "lr": 0.3, "patience": 2})
    losses = model.history["validation_loss"].dropna()
    assert model.history["step"].iloc[-1] < 500
    assert losses.idxmin() == losses.index[-3]


def test_gde_runs_to_the_end_without_patience(registered, network, training):
    model = GDE(registered, **network)
    model.train(**{**training, "max_steps": 60, "lr": 1.0, "patience": None})
    assert model.history["step"].iloc[-1] == 60


def test_gde_can_be_trained_again(registered, network, training):
    model = GDE(registered, **network)
    model.train(**training)
    first = model.history["validation_loss"].min()
    model.train(**training)
    assert model.history["validation_loss"].min() < first


@pytest.mark.parametrize("gaussian", [False, True])
def test_gde_trains_in_mixed_precision(registered, network, training, gaussian):
    options = network["generator_kwargs"] | {"gaussian": gaussian}
    model = GDE(registered, **network | {"generator_kwargs": options})
    model.train(**training, precision="bf16-mixed")
    assert model.history["train_loss"].abs().max() < 100
    assert np.isfinite(model.get_embedding()).all(axis=None)
    assert {parameter.dtype for parameter in model.module.parameters()} == {torch.float32}


def test_gde_trains_on_mixtures_of_sets(registered, network, training):
    model = GDE(registered, **network)
    model.train(**training, n_mixed=2, mixing_alpha=0.5, disjoint_views=False)
    assert np.isfinite(model.history["train_loss"]).all()


def test_gde_is_in_evaluation_mode_after_training_and_after_a_failure(registered, network, training):
    model = GDE(registered, **network)
    model.train(**training)
    assert not model.module.training
    with pytest.raises(FloatingPointError):
        model.train(**training, lr=1e30, gradient_clip=0.0)
    assert not model.module.training


def test_gde_seed_decides_the_initial_weights(registered, network):
    first, again, other = (_weights(GDE(registered, **network, seed=seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({}, TypeError, "`cells` must say what a cell is where there is no data"),
        ({"cells": CellSpec.vectors(3), "encoder": "x"}, ValueError, "`encoder` must be one of"),
        ({"cells": CellSpec.vectors(3), "generator": "x"}, ValueError, "`generator` must be one of"),
        ({"cells": CellSpec.vectors(3), "scaling": "x"}, ValueError, "`scaling` must be one of"),
        ({"cells": CellSpec.vectors(3), "n_latent": True}, TypeError, "`n_latent` must be an integer"),
        ({"cells": CellSpec.vectors(3), "isometry": float("nan")}, ValueError, "`isometry` must be zero or positive"),
        ({"cells": CellSpec.vectors(3), "encoder_kwargs": {"f": print}}, TypeError, "must hold numbers, text, lists"),
    ],
    ids=str,
)
def test_gde_refuses_options(options, error, match):
    with pytest.raises(error, match=match):
        GDE(**options)


def test_gde_without_data_says_so(network):
    model = GDE(cells=CellSpec.vectors(4), **network)
    with pytest.raises(RuntimeError, match="Data is required"):
        model.train(1)
    with pytest.raises(RuntimeError, match="Data is required"):
        model.get_embedding()


def test_gde_can_be_printed(trained, capsys):
    assert "GDE: pooled_gnn -> 4 -> flow_matching" in repr(trained) + capsys.readouterr().out


def test_gde_starts_from_another_with_the_same_networks(trained, registered, network):
    model = GDE(registered, **network, label_classes=["a", "b"], seed=5)
    model.start_from(trained)
    np.testing.assert_array_equal(model.get_embedding(), trained.get_embedding())
    model.start_from(GDE(registered, **network, label_classes=[]))
    with pytest.raises(ValueError, match="`other` must have the same encoder, generator and batches"):
        model.start_from(GDE(registered, **{**network, "n_latent": 3}))


def test_gde_says_what_is_missing_about_a_label(registered, network, training):
    model = GDE(registered, **network, label_classes=["a", "b"])
    with pytest.raises(ValueError, match="`labels` and the `label_classes` of the model belong together"):
        model.train(**training)
    with pytest.raises(ValueError, match=r"`labels` must be among \['a', 'b'\], got 'c'"):
        model.train(**training, labels={"set_0": "a", "set_1": "c"})
    with pytest.raises(ValueError, match="Training sets with two labels or more are required, but 1 of 8 have one"):
        model.train(**training, labels={"set_0": "a"}, train_sets=[f"set_{i}" for i in range(8)])
    with pytest.raises(RuntimeError, match="A model with a label is required"):
        GDE(registered, **network).predict(np.zeros((1, 4)))
