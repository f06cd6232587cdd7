from __future__ import annotations

import numpy as np
import pytest

from scgde import tl


def test_convergence_writes_one_row_per_draw(fitted):
    tl.convergence(fitted, sizes=(2, 6), n_draws=4)
    table = fitted.uns["gde"]["convergence"]
    assert table.columns.tolist() == ["set", "n_cells", "distance", "predicted"]
    assert table.groupby(["set", "n_cells"]).size().tolist() == [4] * 6
    largest = fitted.uns["gde"]["sets"]["n_cells"].nlargest(3)
    assert sorted(table["set"].unique()) == sorted(largest.index)


def test_convergence_is_predicted_by_the_influence_functions(fitted):
    name = fitted.uns["gde"]["sets"]["n_cells"].idxmax()
    size = int(fitted.uns["gde"]["sets"]["n_cells"].max())
    tl.convergence(fitted, sets=name, sizes=(4, size), n_draws=600)
    table = fitted.uns["gde"]["convergence"]
    last = table[table["n_cells"] == size]
    assert np.sqrt((last["distance"] ** 2).mean()) == pytest.approx(last["predicted"].iloc[0], rel=0.15)
    tl.uncertainty(fitted)
    covariance = fitted.uns["gde"]["covariance"][fitted.uns["gde"]["sets"].index.get_loc(name)]
    assert last["predicted"].iloc[0] ** 2 == pytest.approx(np.trace(covariance) * (size - 1) / size, rel=1e-3)
    predicted = table.groupby("n_cells")["predicted"].first()
    assert predicted.iloc[0] / predicted.iloc[-1] == pytest.approx((size / 4) ** 0.5)


def test_convergence_leaves_out_sizes_above_a_set(fitted):
    sizes = fitted.uns["gde"]["sets"]["n_cells"]
    small, large = sizes.idxmin(), sizes.idxmax()
    tl.convergence(fitted, sets=[small, large], sizes=(2, sizes.max()), n_draws=2)
    table = fitted.uns["gde"]["convergence"]
    assert table[table["set"] == small]["n_cells"].unique().tolist() == [2]
    assert table[table["set"] == large]["n_cells"].unique().tolist() == [2, sizes.max()]


def test_convergence_repeats_with_the_seed(fitted):
    tables = []
    for seed in (1, 1, 2):
        tl.convergence(fitted, sizes=(3,), n_draws=3, seed=seed)
        tables.append(fitted.uns["gde"]["convergence"])
    np.testing.assert_array_equal(tables[0]["distance"], tables[1]["distance"])
    assert (tables[0]["distance"] != tables[2]["distance"]).all()


def test_convergence_survives_a_round_trip(fitted, round_trip):
    tl.convergence(fitted, sizes=(3,), n_draws=3)
    back, table = round_trip(fitted).uns["gde"]["convergence"], fitted.uns["gde"]["convergence"]
    assert back["set"].astype(str).tolist() == table["set"].tolist()
    np.testing.assert_array_equal(back["distance"], table["distance"])


def test_convergence_makes_no_prediction_for_an_encoder_that_is_not_smooth(cells, fit):
    fit(cells, encoder="median_gnn", max_steps=2)
    tl.convergence(cells, sizes=(3,), n_draws=3)
    table = cells.uns["gde"]["convergence"]
    assert table["predicted"].isna().all()
    assert table["distance"].notna().all()


def test_convergence_says_what_is_wrong(fitted, unchanged):
    with unchanged(fitted):
        with pytest.raises(KeyError, match=r"`sets` must name fitted sets, got \['x'\]"):
            tl.convergence(fitted, sets="x")
        with pytest.raises(ValueError, match=r"`sizes` must start within the cells of each set, got \[1000\]"):
            tl.convergence(fitted, sizes=(1000,))
        with pytest.raises(ValueError, match=r"`sizes` must be at least 1, got 0"):
            tl.convergence(fitted, sizes=(0,))
        with pytest.raises(KeyError, match=r"`scgde.tl.fit_gde` writes"):
            tl.convergence(fitted, key="other")
