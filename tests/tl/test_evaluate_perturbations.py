from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from scgde import datasets, pp, tl
from scgde.results._perturbation_arms import BASELINES

LINE = {"n_singles": 8, "n_doubles": 12, "n_cells": 60, "n_control": 160, "n_features": 8}


@pytest.fixture(scope="module")
def doubles_fitted(tiny_tde) -> ad.AnnData:
    """A fit on singles and half of the doubles; twelve are held out."""
    adata = datasets.perturbations(**{**LINE, "n_doubles": 20}, seed=3)
    names = [name for name in adata.obs["perturbation"].cat.categories if "+" in name]
    adata.obs["split"] = np.where(adata.obs["perturbation"].isin(names[8:]), "test", "train")
    pairs = pp.perturbation_pairs(adata, "perturbation", "control")
    tl.fit_tde(adata, "perturbation", pairs=pairs, split_key="split", **{**tiny_tde, "max_steps": 60})
    return adata


def held_out(adata: ad.AnnData) -> list[str]:
    return adata.uns["tde"]["pairs"].query("split == 'test'")["perturbation"].tolist()


def cells_of(adata: ad.AnnData, name: str) -> np.ndarray:
    return adata.X[(adata.obs["perturbation"] == name).to_numpy()]


def as_prediction(adata: ad.AnnData, cells: dict[str, np.ndarray]) -> ad.AnnData:
    names = np.repeat(list(cells), [len(part) for part in cells.values()])
    obs = pd.DataFrame({"perturbation": names}, index=np.arange(len(names)).astype(str))
    return ad.AnnData(np.concatenate(list(cells.values())), obs=obs, var=adata.var)


@pytest.fixture(scope="module")
def judged(doubles_fitted) -> tl.PerturbationScores:
    """Predictions that know the truth, the truth of another perturbation, and cheats."""
    adata, names = doubles_fitted, held_out(doubles_fitted)
    rng = np.random.default_rng(0)
    fresh = datasets.perturbations(**{**LINE, "n_doubles": 20, "n_cells": 61}, seed=3)
    truth = {name: cells_of(fresh, name) for name in names}
    control = cells_of(adata, "control")
    order = np.roll(names, 5)
    mean = {name: np.repeat(cells.mean(axis=0, keepdims=True), 60, axis=0) for name, cells in truth.items()}
    arms = {
        "truth": truth,
        "permuted": {name: truth[other] for name, other in zip(names, order, strict=True)},
        "inflated": {name: cells + 2 * rng.normal(size=cells.shape) for name, cells in truth.items()},
        "rescaled": {name: control + 2 * (cells.mean(axis=0) - control.mean(axis=0)) for name, cells in truth.items()},
        "mean without cells": {name: cells + 1e-3 * rng.normal(size=cells.shape) for name, cells in mean.items()},
    }
    given = {
        name: as_prediction(adata, {one: part.astype(np.float32) for one, part in cells.items()})
        for name, cells in arms.items()
    }
    return tl.evaluate_perturbations(adata, predictions=given, seed=0)


def test_the_truth_beats_a_permutation_in_every_metric(judged):
    table = judged.table()
    better = {name: table.loc["truth", name] > table.loc["permuted", name] for name in table}
    better["weighted_error"], better["energy"] = (not better[name] for name in ("weighted_error", "energy"))
    better["correlation_slope"] = abs(table.loc["truth", "correlation_slope"] - 1) < 0.2
    better.pop("variance_correlation")  # a shift changes no variance
    assert all(better.values()), better


def test_a_permutation_discriminates_as_chance_does(judged):
    table = judged.table()
    assert table.loc["permuted", ["rank_l2", "rank_cosine"]].between(0.25, 0.65).all()
    assert (table.loc["truth", ["rank_l2", "rank_cosine"]] > 0.95).all()


@pytest.mark.slow
def test_every_metric_ranks_the_truth_before_permutations(tiny_tde):
    # A part of the cells jumps, so that variances and correlations between features change as well as means.
    sizes = {"n_singles": 10, "n_doubles": 40, "n_cells": 100, "n_control": 300, "n_features": 10}
    adata, fresh = (datasets.perturbations("penetrance", **{**sizes, "n_cells": n}, seed=2) for n in (100, 101))
    doubles = [name for name in adata.obs["perturbation"].cat.categories if "+" in name]
    adata.obs["split"] = np.where(adata.obs["perturbation"].isin(doubles[10:]), "test", "train")
    pairs = pp.perturbation_pairs(adata, "perturbation", "control")
    tl.fit_tde(adata, "perturbation", pairs=pairs, split_key="split", **tiny_tde)
    names, control = held_out(adata), cells_of(adata, "control")
    truth = {name: cells_of(fresh, name) for name in names}
    effect = {name: cells.mean(axis=0) - control.mean(axis=0) for name, cells in truth.items()}
    average = np.mean(list(effect.values()), axis=0)
    arms = {"truth": truth, "constant": dict.fromkeys(names, control + average)}
    permutations = [f"permuted {roll}" for roll in (3, 7, 11, 17, 23)]
    for arm in permutations:
        arms[arm] = dict(zip(names, np.roll(names, int(arm.split()[1])), strict=True))
        arms[arm] = {name: truth[other] for name, other in arms[arm].items()}
    scores = tl.evaluate_perturbations(adata, predictions={k: as_prediction(adata, v) for k, v in arms.items()})
    table = scores.table()
    # So that higher is better in all.
    table[["weighted_error", "energy"]] *= -1
    table["correlation_slope"] = -(table["correlation_slope"] - 1).abs()
    permuted, simple = table.loc[permutations].mean(), table.loc[["constant", "no effect", "mean effect"]]
    assert (table.loc["truth"] > table.loc[permutations].max()).all()
    # Cells that all move alike keep the correlations between features, too.
    assert (table.loc["truth"] > simple.max()).drop("correlation_slope").all()
    assert table.loc["truth", "correlation_slope"] > -0.05
    # The effect of something else is worse than none, and than one for all.
    assert (permuted < simple.min())[["weighted_r2", "energy", "correlation_slope"]].all()
    assert permuted[["rank_l2", "rank_cosine"]].between(0.45, 0.55).all()
    assert table.loc["constant", "rank_cosine"] == pytest.approx(0.5, abs=0.05)
    assert table.loc["no effect", "rank_cosine"] == 0.5


def test_cheats_lose_where_they_should(judged):
    table = judged.table()
    # Noise around the truth has the right mean only, and so have cells that are all the mean.
    for cheat in ("inflated", "mean without cells"):
        assert table.loc[cheat, "energy"] > 3 * max(table.loc["truth", "energy"], 0.02)
        assert table.loc[cheat, "delta_correlation"] > 0.7
    assert abs(table.loc["inflated", "correlation_slope"] - 1) > 0.2
    # Twice the effect has the right direction only.
    assert table.loc["rescaled", "delta_correlation"] > 0.7
    assert table.loc["rescaled", "weighted_error"] > 2 * table.loc["truth", "weighted_error"]
    assert table.loc["rescaled", "energy"] > 3 * max(table.loc["truth", "energy"], 0.02)


def test_no_effect_is_the_floor_and_the_split_half_the_ceiling(judged):
    share = judged.summary.query("perturbations == 'all'").set_index(["arm", "metric"])["share"]
    np.testing.assert_allclose(share["no effect"].dropna(), 0, atol=1e-9)
    np.testing.assert_allclose(share["split half"].dropna(), 1, atol=1e-9)
    assert 0.8 < share["truth", "energy"] < 1.2
    assert judged.table().loc["no effect", "delta_correlation"] == 0
    assert judged.table().loc["no effect", "rank_cosine"] == 0.5


def test_simple_baselines_stand_beside_every_prediction(judged):
    arms = set(judged.scores["arm"])
    of_contexts = {name for name in BASELINES if "context" in name}
    assert arms >= set(BASELINES) - of_contexts - {"ridge, features"}
    assert {"prediction", "oracle mean shift", "split half"} <= arms
    assert set(judged.scores["unseen"]) == {"combination"}
    table = judged.table()
    assert table.loc["additive", "energy"] < 0.3 * table.loc["no effect", "energy"]
    assert table.loc["prediction", "energy"] < 0.3 * table.loc["no effect", "energy"]


def test_differences_are_paired_with_the_best_baseline(judged):
    row = judged.differences.query("arm == 'truth' and metric == 'energy' and perturbations == 'all'").iloc[0]
    wide = judged.scores.query("metric == 'energy'").pivot_table(index="perturbation", columns="arm", values="value")
    gain = wide["truth"] - wide[row["baseline"]]
    assert row["difference"] == pytest.approx(gain.mean())
    assert row["se"] == pytest.approx(gain.sem())
    names = [name for name in BASELINES if name in wide]
    assert row["baseline"] == wide[names].mean().idxmin()


def test_contexts_are_told_apart(fitted_screen):
    scores = tl.evaluate_perturbations(fitted_screen, moves=["shift"]).scores
    unseen = scores.drop_duplicates(["perturbation", "context"]).set_index(["perturbation", "context"])["unseen"]
    assert unseen["p_3", "b"] == "pair"
    assert (unseen.drop(("p_3", "b")) == "combination").all()
    of_pair = scores[(scores["perturbation"] == "p_3") & (scores["metric"] == "energy")].set_index("arm")["value"]
    assert of_pair["same perturbation, nearest context"] == of_pair["same perturbation, other contexts"]
    assert "prediction, shift" in of_pair
    assert "moved single" not in of_pair


def test_evaluation_repeats_for_a_seed_and_leaves_the_data_alone(fitted_screen, unchanged):
    with unchanged(fitted_screen):
        first, again = (tl.evaluate_perturbations(fitted_screen, seed=1) for _ in range(2))
    pd.testing.assert_frame_equal(first.scores, again.scores)


def test_what_tells_of_a_held_out_perturbation_must_be_held_out(tiny_tde):
    adata = datasets.perturbations(n_singles=4, n_doubles=6, n_cells=12, n_control=20, n_features=3, seed=0)
    adata.obs["split"] = np.where(adata.obs["perturbation"] == "p_1", "test", "train")
    adata.obs["family"] = np.where(adata.obs["perturbation"].isin(["p_0", "p_1"]), "x", "y")
    options = {**tiny_tde, "min_cells": 10, "split_key": "split"}
    pairs = pp.perturbation_pairs(adata, "perturbation", "control")
    tl.fit_tde(adata, "perturbation", pairs=pairs, **options)
    with pytest.raises(ValueError, match=r"Combinations with a perturbation that is held out must be held out, too"):
        tl.evaluate_perturbations(adata)
    adata.obs.loc[adata.obs["perturbation"].astype(str).str.contains("p_1"), "split"] = "test"
    tl.fit_tde(adata, "perturbation", pairs=pairs, **options)
    with pytest.raises(ValueError, match=r"A value of `group_key` must be on one side of the split, got \['x', 'y'\]"):
        tl.evaluate_perturbations(adata, group_key="family")
    with pytest.raises(KeyError, match="`group_key` must name a column that is constant within sets, got 'guide'"):
        tl.evaluate_perturbations(adata, group_key="guide")


def test_scores_print_next_to_the_best_baseline(judged):
    lines = repr(judged).splitlines()
    assert lines[1].split(maxsplit=2)[2] == "12 pairs: 12 of an unseen combination; 12 respond"
    assert len(lines) == len(judged.table().columns) + 3
    energy = judged.differences.query("metric == 'energy' and perturbations == 'all'")["baseline"].iloc[0]
    assert f"best baseline {judged.table().loc[energy, 'energy']:.3g} ({energy})" in repr(judged)
    pd.testing.assert_frame_equal(judged.to_frame(), judged.summary)


def test_a_random_split_can_be_evaluated(tiny_tde):
    adata = datasets.perturbations(n_singles=4, n_doubles=4, n_cells=12, n_control=20, n_features=3, seed=0)
    pairs = pp.perturbation_pairs(adata, "perturbation", "control")
    for seed in range(3):
        options = {**tiny_tde, "min_cells": 10, "validation_fraction": 0.3, "max_steps": 2, "seed": seed}
        tl.fit_tde(adata, "perturbation", pairs=pairs, **options)
        assert len(tl.evaluate_perturbations(adata).scores)


def test_wrong_questions_are_refused(fitted_screen, tde_fitted):
    with pytest.raises(KeyError, match="`pairs` must name rows of the pairs of the fit"):
        tl.evaluate_perturbations(fitted_screen, pairs=["nobody"])
    with pytest.raises(RuntimeError, match="A fit on perturbations with a predictor is required"):
        tl.evaluate_perturbations(tde_fitted)
    empty = fitted_screen[:5].copy()
    empty.obs["perturbation"], empty.obs["context"] = "p_0", "a"
    with pytest.raises(ValueError, match="`predictions` must hold two cells or more of each held-out pair"):
        tl.evaluate_perturbations(fitted_screen, predictions={"other": empty})
