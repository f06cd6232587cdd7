from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc

from scgde import metrics, tl
from scgde.metrics import Measure
from scgde.stats._energy_decomposition import PARTS, decompose
from scgde.tl._explain import _floor

N_SETS, N_CELLS = 12, 40


@pytest.fixture(scope="module")
def cells_once(fit):
    """Sets of two states; the second half has more of state B, and a shift along the last gene."""
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(N_SETS), N_CELLS)
    late = codes >= N_SETS // 2
    state = rng.random(len(codes)) < np.where(late, 0.7, 0.3)
    x = rng.normal(size=(len(codes), 6))
    x[:, 0] += 4 * state
    x[:, 5] += 2 * late
    obs = pd.DataFrame(
        {"donor": pd.Categorical([f"d{i:02d}" for i in codes])}, index=[f"c{i}" for i in range(len(codes))]
    )
    obs["state"] = pd.Categorical(np.where(state, "B", "A"), categories=["A", "B", "unused"])
    adata = ad.AnnData(x.astype(np.float32), obs=obs, var=pd.DataFrame(index=[f"g{i}" for i in range(6)]))
    sc.pp.pca(adata, n_comps=4)
    options = {"max_steps": 150, "sets_per_batch": 12, "set_size": 20, "validation_fraction": 0}
    fit(adata, "donor", use_rep="X", **options)
    fit(adata, "donor", use_rep="X_pca", key_added="components", **options)
    return adata


@pytest.fixture
def cells(cells_once):
    return cells_once.copy()


EARLY, LATE = [f"d{i:02d}" for i in range(6)], [f"d{i:02d}" for i in range(6, 12)]


def test_explain_splits_the_energy_distance(cells):
    result = tl.explain(cells, EARLY, LATE, state_key="state")
    x, late = np.asarray(cells.X, dtype=float) / cells.X.std(axis=0), np.repeat(np.arange(12) >= 6, N_CELLS)
    assert result.total == pytest.approx(metrics.energy_distance(x[~late], x[late]), rel=1e-3)
    assert result.parts.sum() == pytest.approx(result.total)
    np.testing.assert_allclose(result.states[list(PARTS)].sum(), result.parts)
    np.testing.assert_allclose(result.states[["share_a", "share_b"]].sum(), 1)
    assert result.states.index.tolist() == ["A", "B"]
    assert (result.parts[["composition", "shift"]] > 10 * abs(result.parts["dispersion"])).all()


def test_floor_is_the_distance_of_two_draws_of_one_population():
    rng, totals, floors = np.random.default_rng(0), [], []
    for _ in range(1000):
        sides = [Measure(rng.normal(size=(n, 4)), rng.dirichlet(np.full(n, 5))) for n in (20, 50)]
        states = tuple(np.zeros(n, int) for n in (20, 50))
        totals.append(decompose(*sides, states, 1).contributions().sum())
        floors.append(sum(map(_floor, sides)))
    assert np.mean(floors) == pytest.approx(np.mean(totals), rel=0.05)


def test_features_are_those_that_changed(cells):
    result = tl.explain(cells, EARLY, LATE, state_key="state")
    table = result.features
    assert set(table.index[:2]) == {"g0", "g5"}
    assert table.loc["g0", "composition"] > 0.9 * table.loc["g0", "total"]
    assert table.loc["g5", "shift"] > 0.9 * table.loc["g5", "total"]
    np.testing.assert_allclose(table[list(PARTS)].sum(axis=1), table["total"])
    assert table["total"].is_monotonic_decreasing
    assert table.loc["g5", "mean_b"] - table.loc["g5", "mean_a"] > 1


def test_path_goes_from_one_to_the_other(cells):
    result = tl.explain(cells, EARLY, LATE, n_steps=5)
    assert result.path.index.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert result.path["g5"].is_monotonic_increasing
    ends = result.features.loc["g5", ["mean_a", "mean_b"]].to_numpy(dtype=float)
    np.testing.assert_allclose(result.path["g5"].iloc[[0, -1]], ends, atol=0.5)


def test_explain_decodes_to_genes(cells):
    result = tl.explain(cells, EARLY, LATE, key="components", decode=True)
    assert set(result.features.index[:2]) == {"g0", "g5"}
    components = tl.explain(cells, EARLY, LATE, key="components")
    assert components.features.index.str.startswith("X_pca_").all()
    assert components.total == pytest.approx(result.total)


def test_each_set_of_a_group_counts_the_same(cells):
    """Leaving out most cells of one set hardly changes the group."""
    included = (cells.obs["donor"] != "d00") | (np.arange(cells.n_obs) % 8 == 0)
    fewer = cells[included].copy()
    tl.embed(fewer, fewer)
    share = tl.explain(fewer, EARLY, LATE, state_key="state").states.loc["B", "share_a"]
    each = fewer.obs.groupby("donor", observed=True)["state"].agg(lambda s: (s == "B").mean())
    assert share == pytest.approx(each[EARLY].mean())


def test_cells_without_a_state_are_left_out(cells):
    cells.obs["some"] = cells.obs["state"].where(np.arange(cells.n_obs) % 3 > 0)
    result = tl.explain(cells, "d00", "d07", state_key="some")
    assert result.states["share_a"].sum() == pytest.approx(1)


def test_explain_is_reproducible(cells):
    first, again = (tl.explain(cells, EARLY, LATE, n_cells=60, n_steps=2) for _ in range(2))
    other = tl.explain(cells, EARLY, LATE, n_cells=60, n_steps=2, seed=1)
    assert first.total == again.total != other.total
    pd.testing.assert_frame_equal(first.features, again.features)


def test_explain_says_what_is_wrong(cells, unchanged):
    with unchanged(cells):
        with pytest.raises(ValueError, match=r"`a` and `b` must not share sets, got \['d00'\] in both"):
            tl.explain(cells, ["d00", "d01"], "d00")
        with pytest.raises(KeyError, match=r"must name fitted sets, got \['x'\]"):
            tl.explain(cells, "d00", "x")
        with pytest.raises(KeyError, match=r"`state_key` must name columns"):
            tl.explain(cells, "d00", "d01", state_key="x")
        with pytest.raises(ValueError, match=r"`decode=True` needs a fit on"):
            tl.explain(cells, "d00", "d01", decode=True)
        with pytest.raises(KeyError, match=r"must name fitted sets, got \['d00'\]"):
            tl.explain(cells[cells.obs["donor"] != "d00"], "d00", "d01")
