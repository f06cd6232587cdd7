from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from scgde import datasets, metrics, tl
from scgde.data import CellSets
from scgde.model._base_gde import BaseGDE
from scgde.results._generation_scores import TrainingSets, simple_descriptions

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
BASELINES = ("pooled", "mean", "mean_sd", "shrunken_mean", "gaussian", "linear", "nearest")


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
    assert scores.columns.tolist() == ["set", "n_cells", "generated", *BASELINES, "floor"]
    assert scores["set"].tolist() == ["d07", "d08", "d09"]
    assert (scores["n_cells"] == SIZE).all()
    assert np.isfinite(scores[["generated", *BASELINES, "floor"]]).all(axis=None)


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

    monkeypatch.setattr(BaseGDE, "embed_store", remember)
    monkeypatch.setattr(BaseGDE, "generate", lambda self, *args, **kwargs: self.seen)
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
    with pytest.raises(ValueError, match="must say in 'split' which sets were trained on"):
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


def test_simple_descriptions_have_what_they_know_of_the_set():
    rng = np.random.default_rng(0)
    offsets = np.zeros((4, 3))
    offsets[:, 0] = [-6, -2, 2, 6]
    cells = np.concatenate([offset + rng.standard_normal((300, 3)) for offset in offsets])
    codes = np.repeat(np.arange(4), 300)
    means = np.stack([cells[codes == i].mean(axis=0) for i in range(4)])
    axes = np.linalg.svd(means - means.mean(axis=0), full_matrices=False)[2]
    within, between = np.ones(3), np.array([20.0, 0, 0.002])
    train = TrainingSets(lambda rows: cells[rows], np.arange(len(cells)), codes, means, axes, within, between)
    seen = np.array([5.0, 3.0, 0.0]) + rng.standard_normal((500, 3)) @ np.array([[1, 0.8, 0], [0, 0.5, 0], [0, 0, 2.0]])
    simple = dict(simple_descriptions(seen, train, n_cells=1000, n_dims=1, rng=rng))
    assert tuple(simple) == BASELINES
    np.testing.assert_allclose(simple["mean"].mean(axis=0), seen.mean(axis=0), atol=1e-8)
    np.testing.assert_allclose(simple["mean"].std(axis=0), simple["pooled"].std(axis=0))
    np.testing.assert_allclose(simple["mean_sd"].mean(axis=0), seen.mean(axis=0), atol=1e-8)
    np.testing.assert_allclose(simple["mean_sd"].std(axis=0), seen.std(axis=0))
    np.testing.assert_allclose(np.cov(simple["gaussian"].T), np.cov(seen.T), rtol=0.2, atol=0.2)
    share = between / (between + 1 / len(seen))
    expected = means.mean(axis=0) + share * (seen.mean(axis=0) - means.mean(axis=0))
    np.testing.assert_allclose(simple["shrunken_mean"].mean(axis=0), expected, atol=0.1)
    np.testing.assert_allclose(simple["shrunken_mean"].std(axis=0), np.ones(3), atol=0.1)
    # Sets differ along the first axis only: the linear description has no other place.
    np.testing.assert_allclose(simple["linear"].mean(axis=0), [seen[:, 0].mean(), 0, 0], atol=0.3)
    np.testing.assert_allclose(simple["nearest"].mean(axis=0), [6, 0, 0], atol=0.2)


def test_variances_between_sets_are_those_beyond_noise():
    rng = np.random.default_rng(0)
    sizes = rng.integers(2, 6, 2000)
    x = np.repeat(rng.normal(size=(2000, 2)) * [1, 0], sizes, axis=0) + 2 * rng.normal(size=(sizes.sum(), 2))
    obs = pd.DataFrame({"set": np.repeat(np.arange(2000), sizes).astype(str)}, index=np.arange(len(x)).astype(str))
    cells = CellSets.from_registered(AnnData(x, obs=obs), set_key="set")
    train = TrainingSets.of(lambda rows: rows, cells, np.arange(2000))
    np.testing.assert_allclose(train.within, 4, rtol=0.1)
    np.testing.assert_allclose(train.between, [1, 0], atol=0.15)
    average = train.means.mean(axis=0)
    np.testing.assert_allclose(train.shrunken(average + 1, 4) - average, [0.5, 0], atol=0.15)


def noise_cohort(n_donors=12):
    """Donors that do not differ: no description of one can be better than the cohort."""
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(n_donors), 100)
    x = rng.standard_normal((len(codes), 8)).astype(np.float32)
    return AnnData(x, obs=pd.DataFrame({"donor": [f"d{i:02d}" for i in codes]}, index=[f"c{i}" for i in range(len(x))]))


def test_fit_warns_where_a_simple_description_is_better():
    options = {**TINY, "max_steps": 60, "n_latent": None}
    message = "A simple description of a set, '[a-z_]+', generates cells of the 4 validation sets better"
    with pytest.warns(UserWarning, match=message):
        tl.fit_gde(noise_cohort(), "donor", validation_fraction=0.34, **options)


def test_the_warning_names_the_set_that_was_compared_where_it_is_the_only_one():
    message = "generates cells of the only validation set, 'd[0-9]{2}', halved 8 times, better than this fit"
    with pytest.warns(UserWarning, match=message):
        tl.fit_gde(noise_cohort(), "donor", **{**TINY, "max_steps": 5, "n_latent": None})


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_cells_of_donors_that_do_not_differ_are_nearer_than_their_own_means(seed):
    adata = noise_cohort()
    tl.fit_gde(adata, "donor", seed=seed, progress_bar=False)
    scores = tl.score_generation(adata, n_repeats=16).mean(numeric_only=True)
    assert scores["generated"] < 0.7 * scores["mean"]


def test_fit_does_not_warn_where_it_is_better(recwarn):
    options = {**TINY, "max_steps": 300, "n_latent": None}
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(30), 80)
    # Two states at a distance that is the set's own: neither a Gaussian nor the pooled cells look like it.
    state = np.where(rng.random(len(codes)) < 0.5, 1, -1)
    x = 0.2 * rng.standard_normal((len(codes), 2))
    x[:, 0] += state * rng.uniform(1, 4, 30)[codes]
    obs = pd.DataFrame({"donor": [f"d{i:02d}" for i in codes]}, index=[f"c{i}" for i in range(len(x))])
    tl.fit_gde(AnnData(x.astype(np.float32), obs=obs), "donor", validation_fraction=0.2, **options)
    assert not warnings_of_baselines(recwarn)


@pytest.mark.slow
def test_a_fit_of_clones_of_larry_does_not_warn(real_data, recwarn):
    adata = datasets.larry(real_data("larry_invitro_spring.h5ad"))
    tl.fit_gde(adata, ["clone_id", "day"], min_cells=10, max_steps=500, progress_bar=False)
    assert not warnings_of_baselines(recwarn)


def warnings_of_baselines(caught):
    return [str(found.message) for found in caught if "simple description" in str(found.message)]


def test_fit_gde_records_what_each_set_was_used_for(fitted):
    table = fitted.uns["gde"]["sets"]
    expected = table["part"].astype(str)
    assert table["split"].astype(str).tolist() == expected.tolist()
