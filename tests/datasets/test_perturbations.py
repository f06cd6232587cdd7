from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scgde import datasets

SMALL = {"n_singles": 4, "n_doubles": 3, "n_cells": 2000, "n_control": 2000, "n_features": 5}


def means(adata) -> pd.DataFrame:
    return pd.DataFrame(adata.X).groupby(adata.obs["perturbation"].to_numpy(), observed=True).mean()


def doubles(adata) -> list[list[str]]:
    return [name.split("+") for name in adata.obs["perturbation"].cat.categories if "+" in name]


def test_shifts_add_up():
    adata = datasets.perturbations("shift", **SMALL, seed=0)
    effect = means(adata) - means(adata).loc["control"]
    for first, second in doubles(adata):
        np.testing.assert_allclose(effect.loc[f"{first}+{second}"], effect.loc[first] + effect.loc[second], atol=0.4)
    np.testing.assert_allclose(effect.loc["p_2"], adata.uns["truth"]["effects"].loc["p_2"], atol=0.3)


def test_log_odds_of_states_add_up():
    adata = datasets.perturbations("composition", **SMALL, seed=1)
    share = pd.crosstab(adata.obs["perturbation"], adata.obs["state"], normalize="index")
    for first, second in doubles(adata):
        expected = share.loc[first] * share.loc[second] / share.loc["control"]
        np.testing.assert_allclose(share.loc[f"{first}+{second}"], expected / expected.sum(), atol=0.06)


def test_cells_jump_independently():
    adata = datasets.perturbations("penetrance", **SMALL, seed=0)
    effect, truth = means(adata) - means(adata).loc["control"], adata.uns["truth"]
    expected = truth["effects"].mul(truth["responding"]["share"], axis=0)
    np.testing.assert_allclose(effect.loc[expected.index], expected, atol=0.4)
    assert truth["responding"]["share"].between(0.3, 0.8).all()


def test_counts_are_integers_that_follow_the_features():
    adata = datasets.perturbations(**{**SMALL, "n_cells": 50, "n_control": 50}, counts=True)
    counts = adata.obsm["counts"]
    assert counts.dtype == np.int32
    assert counts.shape == (adata.n_obs, 200)
    assert (counts >= 0).all()
    explained = np.linalg.lstsq(np.c_[adata.X, np.ones(adata.n_obs)], np.log1p(counts), rcond=None)[0]
    assert (
        np.log1p(counts).var() > np.square(np.log1p(counts) - np.c_[adata.X, np.ones(adata.n_obs)] @ explained).mean()
    )


def test_perturbations_repeat_for_a_seed_and_survive_files(round_trip):
    small = {**SMALL, "n_cells": 5, "n_control": 5}
    first, again, other = (datasets.perturbations(**small, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.X, again.X)
    assert not np.array_equal(first.X, other.X)
    assert round_trip(first).obs["perturbation"].equals(first.obs["perturbation"])


def test_perturbations_refuses_what_it_cannot_draw():
    with pytest.raises(ValueError, match=r"`kind` must be one of \['shift', 'composition', 'penetrance'\]"):
        datasets.perturbations("epistasis")
    with pytest.raises(ValueError, match="`n_doubles` must be at most the 1 pairs of 2 singles, got 5"):
        datasets.perturbations(n_singles=2, n_doubles=5)
