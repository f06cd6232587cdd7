from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from scgde import metrics, model, tl
from scgde.tl._score_generation import _halves

TINY = {
    "max_steps": 20,
    "n_latent": 4,
    "sets_per_batch": 8,
    "set_size": 16,
    "progress_bar": False,
    "encoder_kwargs": {"n_hidden": 16},
    "generator_kwargs": {"backbone_kwargs": {"n_hidden": 16, "n_layers": 1}},
}
N_SETS, SIZE = 12, 40


def gaussian_cells(scale=1.0):
    """Sets of 40 cells in two dimensions, their means on a line; the last two have 8 cells."""
    rng = np.random.default_rng(0)
    sizes = np.array([SIZE] * (N_SETS - 2) + [8, 8])
    code = np.repeat(np.arange(N_SETS), sizes)
    x = rng.standard_normal((len(code), 2)) + 3.0 * code[:, None]
    part = np.where(code < 6, "train", np.where(code == 6, "validation", "test"))
    obs = pd.DataFrame({"donor": [f"d{i:02d}" for i in code], "part": part}, index=[f"c{i}" for i in range(len(code))])
    return AnnData((scale * x).astype(np.float32), obs=obs)


def fit(adata, **options):
    tl.fit_gde(adata, "donor", **{"min_cells": 5, "split_key": "part"} | TINY | options)
    return adata


@pytest.fixture(scope="module")
def fitted():
    return fit(gaussian_cells())


def test_score_generation_takes_the_held_out_sets_of_ten_cells(fitted):
    scores = tl.score_generation(fitted)
    assert scores.columns.tolist() == ["set", "n_cells", "generated", "pooled", "floor"]
    assert scores["set"].tolist() == ["d07", "d08", "d09"]
    assert (scores["n_cells"] == SIZE).all()
    assert np.isfinite(scores[["generated", "pooled", "floor"]]).all(axis=None)


def test_score_generation_takes_validation_sets_when_none_is_held_out():
    adata = fit(gaussian_cells(), split_key=None, validation_fraction=0.25, max_steps=2)
    table = adata.uns["gde"]["sets"]
    validated = table.index[(table["split"] == "validation") & (table["n_cells"] >= 10)]
    assert tl.score_generation(adata)["set"].tolist() == validated.tolist()


def test_score_generation_compares_with_the_half_that_was_not_encoded(fitted, monkeypatch):
    """A model that copies what it encodes scores as the floor does, exactly."""

    def remember(self, store, index):
        self.seen = np.stack([store.rows(index.rows(i)) for i in range(index.n_sets)])
        return np.zeros((index.n_sets, 4))

    monkeypatch.setattr(model.GDE, "embed_store", remember)
    monkeypatch.setattr(model.GDE, "generate", lambda self, *args, **kwargs: self.seen)
    scores = tl.score_generation(fitted)
    np.testing.assert_allclose(scores["generated"], scores["floor"], atol=1e-5)


def test_score_generation_pooled_is_the_distance_to_training_cells(fitted):
    scores = tl.score_generation(fitted, n_cells=2000).set_index("set")
    donor = fitted.obs["donor"].to_numpy()
    train = fitted.X[fitted.obs["part"] == "train"]
    scale = train.std(axis=0, dtype=float)  # `X` is scaled by feature
    for name in scores.index:
        expected = metrics.energy_distance(train / scale, fitted.X[donor == name] / scale, unbiased=True)
        assert scores.loc[name, "pooled"] == pytest.approx(expected, rel=0.1)


def test_score_generation_floor_is_about_zero(fitted):
    scores = tl.score_generation(fitted, n_repeats=20)
    assert scores["floor"].abs().max() < 0.05 * scores["pooled"].min()


def test_score_generation_does_not_depend_on_units(fitted):
    other = fit(gaussian_cells(scale=1000.0))
    columns = ["pooled", "floor"]
    left, right = (tl.score_generation(adata)[columns] for adata in (fitted, other))
    np.testing.assert_allclose(left, right, rtol=1e-3, atol=1e-4)


def test_score_generation_repeats_with_the_seed(fitted):
    first, again, other = (tl.score_generation(fitted, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert (first["generated"] != other["generated"]).all()


def test_score_generation_is_the_same_after_a_round_trip(fitted, round_trip):
    pd.testing.assert_frame_equal(tl.score_generation(fitted), tl.score_generation(round_trip(fitted)))


def test_score_generation_takes_named_sets(fitted):
    assert tl.score_generation(fitted, sets=["d09", "d00"])["set"].tolist() == ["d09", "d00"]
    assert tl.score_generation(fitted, sets="d03")["set"].tolist() == ["d03"]


def test_score_generation_finds_the_cells_of_a_subset(fitted):
    rest = fitted[fitted.obs["donor"] != "d08"].copy()
    assert tl.score_generation(rest)["set"].tolist() == ["d07", "d09"]


def test_score_generation_leaves_the_data_as_it_was(fitted):
    before = fitted.copy()
    tl.score_generation(fitted)
    pd.testing.assert_frame_equal(fitted.obs, before.obs)
    assert list(fitted.uns["gde"]) == list(before.uns["gde"])


def test_score_generation_refuses_when_all_sets_were_trained_on():
    adata = fit(gaussian_cells(), split_key=None, validation_fraction=0.0, max_steps=2)
    with pytest.raises(ValueError, match=r"did not train on are required, but it trained on all 12"):
        tl.score_generation(adata)


def test_score_generation_refuses_sets_that_were_embedded_only(fitted):
    new = gaussian_cells()
    tl.embed(new, fitted)
    with pytest.raises(ValueError, match=r"which sets were trained on, but does not"):
        tl.score_generation(new)


def test_score_generation_refuses_sets_that_were_embedded_only_also_with_a_split_of_the_user(fitted):
    new = gaussian_cells()
    new.obs["split"] = new.obs["part"]
    tl.embed(new, fitted)
    with pytest.raises(ValueError, match=r"which sets were trained on, but does not"):
        tl.score_generation(new)


def test_score_generation_refuses_without_the_training_cells(fitted):
    with pytest.raises(ValueError, match=r"must hold the cells of the training sets"):
        tl.score_generation(fitted[fitted.obs["part"] == "test"].copy())


def test_score_generation_refuses_unknown_sets(fitted):
    with pytest.raises(KeyError, match=r"`sets` must name fitted sets, got \['d99'\]"):
        tl.score_generation(fitted, sets="d99")


def test_score_generation_refuses_small_sets_alone(fitted):
    with pytest.raises(ValueError, match=r"A set with 10 cells is required, but the largest of 2 has 8"):
        tl.score_generation(fitted, sets=["d10", "d11"])


def test_score_generation_refuses_without_a_fit():
    with pytest.raises(KeyError, match=r"`scgde.tl.fit_gde` writes"):
        tl.score_generation(gaussian_cells())


@pytest.mark.parametrize("n", [10, 11])
def test_halves_divide_the_rows(n):
    halves = _halves(np.arange(n), np.random.default_rng(0))
    assert sorted([*halves.seen, *halves.unseen]) == list(range(n))
    assert len(halves.seen) == n // 2


def test_fit_gde_records_what_each_set_was_used_for(fitted):
    table = fitted.uns["gde"]["sets"]
    expected = table["part"].astype(str)
    assert table["split"].astype(str).tolist() == expected.tolist()
