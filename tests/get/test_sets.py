from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from scgde import get, pp


@pytest.fixture
def adata() -> ad.AnnData:
    """Two clouds of 20 sets each in embedding space."""
    rng = np.random.default_rng(0)
    obs = pd.DataFrame({"donor": np.repeat([f"d{i:02d}" for i in range(40)], 2)}, index=[f"c{i}" for i in range(80)])
    obs["cloud"] = pd.Categorical(np.where(obs["donor"] < "d20", "a", "b"))
    adata = ad.AnnData(np.zeros((80, 1), dtype=np.float32), obs=obs)
    pp.make_sets(adata, "donor", min_cells=1, key_added="gde")
    cloud = adata.uns["gde"]["sets"]["cloud"].cat.codes.to_numpy()
    adata.uns["gde"]["embedding"] = (20.0 * cloud[:, None] + rng.normal(size=(40, 5))).astype(np.float32)
    return adata


def test_sets_returns_one_observation_per_set(adata):
    result = get.sets(adata)
    assert result.shape == (40, 5)
    np.testing.assert_array_equal(result.X, adata.uns["gde"]["embedding"])
    pd.testing.assert_frame_equal(result.obs, adata.uns["gde"]["sets"])
    assert list(result.var_names) == [f"gde_{i}" for i in range(5)]


def test_sets_returns_copies(adata):
    result = get.sets(adata)
    result.X[:] = -1
    result.obs["donor"] = "x"
    assert (adata.uns["gde"]["embedding"] != -1).all()
    assert adata.uns["gde"]["sets"]["donor"].nunique() == 40


def test_sets_can_be_written(adata, round_trip):
    assert round_trip(get.sets(adata)).shape == (40, 5)


@pytest.mark.parametrize("key", ["tde", "partial"])
def test_sets_raises_when_nothing_was_fitted(adata, key):
    pp.make_sets(adata, "donor", min_cells=1, key_added="partial")
    with pytest.raises(KeyError, match=r"must hold .*'embedding'.*scgde.tl.fit_gde.*Keys of `adata.uns`"):
        get.sets(adata, key=key)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_sets_feeds_scanpy_unchanged(adata):
    sc = pytest.importorskip("scanpy")
    pytest.importorskip("igraph")
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("Agg")
    result = get.sets(adata)
    sc.pp.neighbors(result, n_neighbors=10)
    sc.tl.umap(result)
    sc.tl.leiden(result, flavor="igraph", n_iterations=2, directed=False)
    axes = sc.pl.umap(result, color=["cloud", "leiden"], show=False)
    assert len(axes) == 2
    plt.close("all")
    # Two far clouds: no cluster holds sets of both.
    assert result.obs.groupby("leiden", observed=True)["cloud"].nunique().eq(1).all()
