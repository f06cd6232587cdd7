from __future__ import annotations

from dataclasses import replace
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from scgde import tl
from scgde.metrics._mixture_terms import MixtureTerms
from scgde.model._base_tde import BaseTDE
from scgde.model._forecast_mixture import ForecastMixture, KnownPairs
from scgde.nn.stored_weights import StoredModelError
from scgde.results import FittedSets, _choose_mixture, read_model
from scgde.results._forecast_arms import ARMS, WITHOUT_TARGET, Asked, Forecaster, forecast_cells
from scgde.results._predictors import shares_of_pairs

N_CLONES, N_FEATURES = 40, 3


def clones(shift: float, *, noise: float = 0.0) -> ad.AnnData:
    """Clones of ten cells on two days; those of the second are the first ones, shifted."""
    rng = np.random.default_rng(0)
    early = rng.normal(rng.normal(0, 2, size=(N_CLONES, 1, N_FEATURES)), 1, size=(N_CLONES, 10, N_FEATURES))
    late = early + shift + noise * rng.normal(size=early.shape)
    obs = pd.DataFrame(
        {
            "clone": np.tile(np.repeat([f"c{i}" for i in range(N_CLONES)], 10), 2),
            "day": np.repeat([0, 1], N_CLONES * 10),
        }
    )
    obs["split"] = np.where(np.tile(np.repeat(np.arange(N_CLONES), 10), 2) % 4 == 0, "validation", "train")
    x = np.concatenate([early.reshape(-1, N_FEATURES), late.reshape(-1, N_FEATURES)]).astype(np.float32)
    return ad.AnnData(x, obs=obs.set_index(obs.index.astype(str)))


@pytest.fixture(scope="module")
def fit_clones(tiny: dict[str, Any]):
    options = {name: value for name, value in tiny.items() if name != "generator_kwargs"}
    options |= {"min_cells": 1, "transport_kwargs": tiny["generator_kwargs"], "split_key": "split", "moments": False}

    def run(adata: ad.AnnData, **changed: Any) -> ForecastMixture:
        model = tl.fit_tde(adata, "clone", time_key="day", **options | changed)
        assert model.mixture is not None
        return model.mixture

    return run


@pytest.fixture(scope="module")
def shifted(fit_clones) -> tuple[ad.AnnData, ForecastMixture]:
    adata = clones(3.0, noise=0.1)
    return adata, fit_clones(adata, target_dropout=0.5)


def test_the_forecast_that_is_the_truth_has_most_of_the_mixture(shifted):
    shares = shifted[1].shares
    assert sum(shares.values()) == pytest.approx(1)
    assert min(shares.values()) >= 0
    assert shares["mean shift"] + shares["shift and scale"] > 0.9


def test_a_mixture_is_no_worse_than_any_part_on_the_pairs_that_chose_it(shifted):
    losses = shifted[1].losses
    assert losses["mixture"] <= min(losses.values()) + 1e-12
    assert shifted[1].n_left_out == N_CLONES // 4


def test_where_targets_equal_sources_cells_stay_what_they_are(fit_clones):
    adata = clones(0.0)
    assert fit_clones(adata).shares["identity"] == pytest.approx(1)
    start = adata[(adata.obs["tde_set"] == "c1|0").to_numpy()]
    cells = tl.forecast(adata, "c1|0", to=1, n_draws=2)
    np.testing.assert_array_equal(cells.X, np.concatenate([start.X, start.X]))


def test_a_transport_without_a_target_takes_part_where_validation_pairs_can_tell(fit_clones, shifted):
    assert WITHOUT_TARGET in shifted[1].shares
    adata = clones(3.0)
    adata.obs["split"] = "train"
    assert WITHOUT_TARGET not in fit_clones(adata, target_dropout=0.5).shares


@pytest.mark.parametrize(("n_pairs", "shares"), [(199, (0.25, 0.0)), (200, (0.5, 0.5))])
def test_half_of_the_pairs_come_without_a_target_where_there_are_many(n_pairs, shares):
    split = np.repeat(["train", "validation"], [n_pairs, 10])
    pairs = pd.DataFrame({"group": np.arange(n_pairs + 10).astype(str), "split": split})

    def found(pairs: pd.DataFrame, *asked: float, only_pairs: bool = False, can_drop: bool = True) -> tuple[float, ...]:
        return tuple(shares_of_pairs(pairs, *asked, only_pairs=only_pairs, can_drop=can_drop).values())

    assert found(pairs) == shares
    assert found(pairs, 0.6, 0.1) == (0.6, 0.1)
    assert found(pairs[:-1]) == found(pairs, can_drop=False) == (0.25, 0.0)
    assert found(pairs, only_pairs=True) == (1.0, shares[1])


@pytest.mark.parametrize("validated", [True, False])
def test_groups_that_are_forecast_are_not_learnt_from(fit_clones, monkeypatch, validated):
    adata, seen, left_out = clones(3.0), [], _choose_mixture._left_out
    adata.obs["split"] = adata.obs["split"] if validated else "train"

    def spy(fitted, statistic, part, *rest):
        seen.append(part)
        return left_out(fitted, statistic, part, *rest)

    monkeypatch.setattr(_choose_mixture, "_left_out", spy)
    fit_clones(adata)
    assert len(seen) == (1 if validated else 5)
    for part in seen:
        assert not set(part.known["group"]) & set(part.asked["group"])
    asked = pd.concat([part.asked for part in seen])
    assert set(asked["split"]) == ({"validation"} if validated else {"train"})


def test_a_look_up_gives_cells_of_training_targets(shifted):
    adata = shifted[0]
    cells = tl.forecast(adata, "c0|0", to=1, method="embedding look-up", n_draws=3).X
    known = adata.X[(adata.obs["day"] == 1).to_numpy()]
    nearest = np.abs(cells[:, None] - known[None]).max(axis=-1).min(axis=1)
    np.testing.assert_allclose(nearest, 0, atol=1e-6)


@pytest.mark.parametrize("method", ["mixture", *ARMS])
def test_every_forecast_has_a_path_from_its_source(shifted, method):
    adata = shifted[0]
    start = adata[(adata.obs["tde_set"] == "c1|0").to_numpy()].X
    cells = tl.forecast(adata, "c1|0", to=1, method=method, n_draws=2, n_times=3)
    np.testing.assert_allclose(cells.X[cells.obs["t"] == 0], np.concatenate([start, start]), atol=1e-6)
    assert set(cells.obs["arm"]) <= (set(ARMS) if method == "mixture" else {method})
    assert cells.uns["forecast"]["mixture"]["share"].sum() == pytest.approx(1)


def smoothed(adata: ad.AnnData, mixture: ForecastMixture, smoothing: float) -> np.ndarray:
    """Two draws of a transport without a target at its start and end, ``(draws, 2, n, G)``."""
    fitted = FittedSets.read(adata, "tde", BaseTDE)
    asked = Asked.of_sets(fitted, np.zeros(1, dtype=int), np.zeros((1, 2, fitted.embedding.shape[1]), dtype=np.float32))
    forecaster = Forecaster(fitted, replace(mixture, smoothing=smoothing))
    arms = np.full(2, WITHOUT_TARGET, dtype=object)
    return np.stack(forecast_cells(forecaster, asked, arms, times=(0.0, 1.0), rng=np.random.default_rng(0)))


def test_a_smoothed_source_ends_elsewhere_in_each_draw_and_starts_at_its_own_cells(shifted):
    sharp, smooth = (smoothed(*shifted, smoothing) for smoothing in (0.0, 0.5))
    np.testing.assert_array_equal(sharp[0], sharp[1])
    np.testing.assert_allclose(smooth[:, 0], sharp[:, 0], atol=1e-5)
    assert (np.abs(smooth[0, 1] - smooth[1, 1]) > 1e-3).all()


def test_a_source_is_smoothed_as_far_as_pairs_that_were_left_out_gain_by_it():
    candidates = _choose_mixture._candidates(without_target=True)
    assert [one.arm for one in candidates if one.smoothing == 0] == list(ARMS)
    loss = np.arange(len(candidates), dtype=float)
    narrow = [one.smoothing for one in candidates].index(0.2)
    loss[narrow] = 0.5
    mean = MixtureTerms(loss, np.ones((len(loss), len(loss))), 1.0)
    kept = _choose_mixture._smoothed_best(candidates, mean)
    assert [candidates[i].arm for i in kept] == list(ARMS)
    assert narrow in kept


def test_draws_of_a_forecast_are_in_proportion_to_the_shares(shifted):
    mixture = ForecastMixture({"identity": 0.25, "transport": 0.75}, {}, {}, 0, shifted[1].pairs, shifted[1].look_up)
    drawn = mixture.draw(50, 8, np.random.default_rng(0))
    assert (np.sum(drawn == "identity", axis=1) == 2).all()
    assert str(mixture) == "0.75 transport + 0.25 identity, by 0 pairs left out"


def test_a_mixture_survives_its_storage_and_says_what_is_mixed(shifted):
    adata, mixture = shifted
    model = read_model(adata, "tde")
    assert model.mixture.shares == mixture.shares
    assert str(mixture) in repr(model)
    np.testing.assert_array_equal(model.mixture.pairs.cells, mixture.pairs.cells)


def test_stored_pairs_of_other_shapes_are_refused(shifted):
    config, arrays = shifted[1].to_stored()
    with pytest.raises(StoredModelError, match="A stored model must have pairs of forecasts in arrays of shapes"):
        ForecastMixture.from_stored(config, {**arrays, "shift": arrays["shift"][:-1]})


def test_pairs_are_alike_in_covariates_or_all_are():
    pairs = KnownPairs(np.array([[1.0], [2.0], [1.0]]), *[np.zeros((3, 2))] * 3, np.arange(3), np.ones(2))
    assert pairs.alike(np.array([1.0])).tolist() == [True, False, True]
    assert pairs.alike(np.array([5.0])).tolist() == [True] * 3
