from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from scgde import datasets, pp, tl
from scgde.model import TDE
from scgde.results import read_model
from scgde.results._store import to_entry

if TYPE_CHECKING:
    import anndata as ad


def of_set(adata: ad.AnnData, name: str) -> np.ndarray:
    return adata.X[(adata.obs["tde_set"] == name).to_numpy()]


def test_predicted_cells_are_the_control_cells_of_the_context_moved(fitted_screen):
    cells = tl.predict_perturbations(fitted_screen, ["p_1", "p_3"], context="b")
    assert cells.n_obs == 2 * 40
    assert set(cells.obs["context"]) == {"b"}
    assert set(cells.obs["source_set"]) == {"b|control"}
    assert cells.obs_names.is_unique
    sources = fitted_screen[cells.obs["cell"]]
    moved = np.linalg.norm(cells.X - sources.X, axis=1)
    assert moved.mean() > 0.05


@pytest.mark.parametrize("move", ["shift", "transport_to_mean"])
def test_prediction_is_nearer_to_the_truth_than_the_control(fitted_screen, move):
    double = fitted_screen.uns["tde"]["pairs"].query("split == 'test'")["perturbation"].iloc[0]
    for name, context in ((double, "a"), ("p_3", "b")):
        cells = tl.predict_perturbations(fitted_screen, name, context=context, move=move)
        true, control = (of_set(fitted_screen, f"{context}|{one}").mean(axis=0) for one in (name, "control"))
        assert np.linalg.norm(cells.X.mean(axis=0) - true) < 0.4 * np.linalg.norm(control - true)


def test_all_contexts_with_a_control_are_predicted_by_default(fitted_screen):
    cells = tl.predict_perturbations(fitted_screen, "p_1+p_2")
    assert set(cells.obs["context"]) == {"a", "b"}
    assert list(cells.uns["perturbations"]["context"]) == ["a", "b"]


@pytest.mark.parametrize("move", ["shift", "transport", "transport_to_mean", "resample"])
def test_cells_are_the_same_bit_for_bit_where_nothing_is_known(screen, tiny_tde, move):
    adata = screen()
    # A perturbation that no training pair has.
    adata.obs.loc[adata.obs["perturbation"].astype(str).str.contains("p_0"), "split"] = "test"
    pairs = pp.perturbation_pairs(adata, "perturbation", "control", context_key="line")
    tl.fit_tde(adata, ["line", "perturbation"], pairs=pairs, split_key="split", **{**tiny_tde, "min_cells": 10})
    cells = tl.predict_perturbations(adata, "p_0", context="a", move=move)
    np.testing.assert_array_equal(cells.X, adata[cells.obs["cell"]].X)
    assert not cells.uns["perturbations"]["is_known"].any()
    assert (cells.uns["perturbations"]["share"] == 0).all()


def test_shift_moves_all_cells_alike_and_to_the_predicted_mean(fitted_screen):
    cells = tl.predict_perturbations(fitted_screen, "p_1", context="a", move="shift")
    moved = cells.X - fitted_screen[cells.obs["cell"]].X
    np.testing.assert_allclose(moved, np.broadcast_to(moved[0], moved.shape), atol=1e-5)
    to_mean = tl.predict_perturbations(fitted_screen, "p_1", context="a", move="transport_to_mean")
    np.testing.assert_allclose(cells.X.mean(axis=0), to_mean.X.mean(axis=0), atol=1e-4)


@pytest.fixture(scope="module")
def composition(tiny_tde) -> ad.AnnData:
    """A fit on perturbations that change the shares of states, with half of the doubles held out."""
    sizes = {"n_singles": 6, "n_doubles": 12, "n_cells": 120, "n_control": 300, "n_features": 6}
    adata = datasets.perturbations("composition", **sizes, seed=0)
    doubles = [name for name in adata.obs["perturbation"].cat.categories if "+" in name]
    adata.obs["split"] = np.where(adata.obs["perturbation"].isin(doubles[6:]), "test", "train")
    pairs = pp.perturbation_pairs(adata, "perturbation", "control")
    tl.fit_tde(adata, "perturbation", pairs=pairs, split_key="split", **tiny_tde)
    return adata


def test_cells_are_resampled_where_shares_of_states_change(composition):
    chosen = read_model(composition, "tde", TDE).fitted_on["perturbations"]
    assert chosen["move"] == "resample"
    table = tl.evaluate_perturbations(composition).table()["energy"]
    # Adding means up moves cells to where there are none.
    assert table["prediction"] < 0.3 * table["additive"]
    assert table["prediction"] < table["oracle mean shift"]


def test_resampled_cells_are_observed_ones(composition):
    cells = tl.predict_perturbations(composition, "p_1", move="resample", start="control")
    assert cells.n_obs == 300
    assert cells.obs_names.is_unique
    assert cells.obs["cell"].nunique() < 300
    np.testing.assert_array_equal(cells.X, composition[cells.obs["cell"]].X)


def test_a_combination_may_start_from_its_parts(fitted_screen):
    cells = tl.predict_perturbations(fitted_screen, "p_1+p_2", context="a", start="parts")
    assert set(cells.obs["source_set"]) == {"a|p_1", "a|p_2"}
    alone = tl.predict_perturbations(fitted_screen, "p_1", context="a", start="parts")
    assert set(alone.obs["source_set"]) == {"a|control"}


def test_dose_multiplies_the_displacement(fitted_screen):
    options = {"context": "a", "move": "shift"}
    once, twice = (tl.predict_perturbations(fitted_screen, "p_1", dose=dose, **options) for dose in (1, 2.0))
    start = fitted_screen[once.obs["cell"]].X
    np.testing.assert_allclose(twice.X - start, 2 * (once.X - start), atol=1e-4)
    assert twice.uns["perturbations"]["displacement"].iloc[0] == pytest.approx(
        2 * once.uns["perturbations"]["displacement"].iloc[0], rel=1e-4
    )


def test_a_new_context_needs_control_cells_only(screen, fitted_screen):
    new = screen(seed=5)
    new = new[(new.obs["line"] == "a") & (new.obs["perturbation"] == "control")].copy()
    new.obs["line"] = "c"
    new.obs["perturbation"] = new.obs["perturbation"].astype(str)
    tl.embed(new, fitted_screen, key="tde")
    cells = tl.predict_perturbations(new, ["p_1", "p_1+p_2"], context="c")
    assert cells.n_obs == 2 * new.n_obs
    assert cells.uns["perturbations"]["is_known"].all()


def test_prediction_survives_files(fitted_screen, round_trip):
    first = tl.predict_perturbations(fitted_screen, "p_1+p_2")
    again = tl.predict_perturbations(round_trip(fitted_screen), "p_1+p_2")
    np.testing.assert_array_equal(first.X, again.X)
    assert round_trip(first).uns["perturbations"]["is_known"].all()


def test_what_was_chosen_is_stored_with_the_model(fitted_screen):
    chosen = read_model(fitted_screen, "tde", TDE).fitted_on["perturbations"]
    assert chosen["control"] == "control"
    assert set(chosen["losses"]) >= {"shift from control", "transport from parts"}
    assert min(chosen["losses"], key=chosen["losses"].get) == f"{chosen['move']} from {chosen['start']}"


def test_features_predict_a_perturbation_that_was_never_seen(fitted_screen):
    pairs = fitted_screen.uns["tde"]["pairs"]
    table = pd.DataFrame({"x": [1.0, 0, 1, 0, 1], "y": [0.0, 1, 1, 2, 0]}, index=["p_0", "p_1", "p_2", "p_3", "new"])
    tl.fit_predictor(fitted_screen, "effect_ridge", condition_features=table)
    cells = tl.predict_perturbations(fitted_screen, ["new", "p_0"], context="a", move="shift")
    by_name = cells.obs["perturbation"].astype(str).to_numpy()
    np.testing.assert_allclose(cells.X[by_name == "new"], cells.X[by_name == "p_0"], atol=1e-5)
    assert len(pairs) > 0


def test_wrong_questions_are_refused(fitted_screen, tde_fitted, unchanged):
    with unchanged(fitted_screen):
        with pytest.raises(KeyError, match=r"got 'p_7'. Nearest: \['p_"):
            tl.predict_perturbations(fitted_screen, "p_7")
        with pytest.raises(KeyError, match=r"`context` must name contexts with cells of the control 'control'"):
            tl.predict_perturbations(fitted_screen, "p_1", context="c")
        with pytest.raises(ValueError, match="`move` must be one of"):
            tl.predict_perturbations(fitted_screen, "p_1", move="jump")
        with pytest.raises(ValueError, match="`dose` must be a finite number, or one for each of 1"):
            tl.predict_perturbations(fitted_screen, "p_1", dose=[1, 2])
        with pytest.raises(ValueError, match="`perturbations` must be names, one or more"):
            tl.predict_perturbations(fitted_screen, [])
    with pytest.raises(RuntimeError, match="A fit on perturbations with a predictor is required"):
        tl.predict_perturbations(tde_fitted, "p_1")


def test_predictors_of_an_older_version_are_fitted_again(fitted_screen):
    model = read_model(fitted_screen, "tde", TDE)
    model.share_predictor = model.states = None
    fitted_screen.uns["tde"]["model"] = to_entry(model)
    with pytest.raises(RuntimeError, match=r"Predictors .* must tell of shares .* Call `scgde.tl.fit_predictor\(adata"):
        tl.predict_perturbations(fitted_screen, "p_1")
    tl.fit_predictor(fitted_screen, "additive")
    assert tl.predict_perturbations(fitted_screen, "p_1").n_obs > 0


def test_a_forecast_of_a_control_must_say_which_perturbation(fitted_screen):
    with pytest.raises(ValueError, match=r"`to` must give a value for \['perturbation'\], .* got None"):
        tl.forecast(fitted_screen, "a|control")
    cells = tl.forecast(fitted_screen, "a|control", to="p_1+p_2", n_draws=1)
    assert cells.n_obs == 40
    with pytest.raises(KeyError, match="got 'p_9'"):
        tl.forecast(fitted_screen, "a|control", to="p_9")
    with pytest.raises(ValueError, match="`to` must name a perturbation, such as"):
        tl.forecast(fitted_screen, "a|control", to=3)


def test_features_need_pairs_of_perturbations(screen, tiny_tde):
    adata = screen()
    table = pd.DataFrame({"x": [1.0]}, index=["p_0"])
    with pytest.raises(ValueError, match="`condition_features` needs `pairs` of perturbations"):
        tl.fit_tde(adata, ["line", "perturbation"], condition_features=table, **tiny_tde)
    pairs = pp.perturbation_pairs(adata, "perturbation", "control", context_key="line")
    with pytest.raises(KeyError, match="a row for each single perturbation, got none for"):
        tl.fit_tde(adata, ["line", "perturbation"], pairs=pairs, condition_features=table, **tiny_tde)
    adata.obs["age"] = 3.0
    with pytest.raises(ValueError, match=r"`condition_keys` must be none .* got \['age'\]. Put what is known"):
        tl.fit_tde(adata, ["line", "perturbation"], pairs=pairs, condition_keys=["age"], **tiny_tde)
    assert "tde" not in adata.uns


def test_a_random_split_holds_out_perturbations_and_no_control(screen, tiny_tde):
    adata = screen()
    pairs = pp.perturbation_pairs(adata, "perturbation", "control", context_key="line")
    options = {**tiny_tde, "validation_fraction": 0.3, "min_cells": 10}
    tl.fit_tde(adata, ["line", "perturbation"], pairs=pairs, **options)
    table = adata.uns["tde"]["pairs"]
    assert set(table["split"]) == {"train", "validation"}
    assert len(table[["perturbation", "split"]].drop_duplicates()) == table["perturbation"].nunique()
    sets = adata.uns["tde"]["sets"]
    assert (sets.loc[sets.index.str.endswith("|control"), "split"] == "train").all()
