from __future__ import annotations

import anndata as ad
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from scgde import datasets, pl, tl

N_GENES = 20


@pytest.fixture
def counted() -> ad.AnnData:
    """Counts of four donors with what a fit writes."""
    rng = np.random.default_rng(0)
    mean = 0.2 + 3 * rng.random(N_GENES)
    names = [f"donor {i}" for i in range(4)]
    obs = pd.DataFrame({"gde_set": pd.Categorical(np.repeat(names, 100))}, index=np.arange(400).astype(str))
    adata = ad.AnnData(obs=obs, var=pd.DataFrame(index=[f"g{i}" for i in range(N_GENES)]))
    adata.layers["counts"] = sparse.csr_matrix(rng.poisson(mean, (400, N_GENES)).astype(np.int32))
    params = {"use_rep": "X", "layer": "counts", "generate": "X", "generate_layer": "counts"}
    adata.uns["gde"] = {"sets": pd.DataFrame(index=names), "params": params}
    return adata


@pytest.fixture
def made(counted) -> ad.AnnData:
    """Generated counts of two of them: those of every second cell, each four times."""
    rows = np.arange(100, 300, 2)
    x = 4 * counted.layers["counts"][rows]
    obs = pd.DataFrame({"set": counted.obs["gde_set"].iloc[rows].astype(str).to_numpy()}).set_index(rows.astype(str))
    return ad.AnnData(sparse.csr_matrix(x), obs=obs, var=counted.var)


def offsets(ax):
    return [np.asarray(part.get_offsets()) for part in ax.collections]


def test_counts_draws_both_halves_and_generated_cells(counted, made):
    axes = pl.counts(counted, made, show=False)
    assert [ax.get_title("left") for ax in axes] == [
        "variances of 20 genes",
        "zeros of 20 genes",
        "counts of 100 cells",
    ]
    other, generated = offsets(axes[0])
    x = counted.layers["counts"][100:300].toarray()
    np.testing.assert_allclose(np.sort(generated[:, 0]), np.sort(4 * x[::2].mean(axis=0)), rtol=1e-6)
    np.testing.assert_allclose(np.sort(generated[:, 1]), np.sort(16 * x[::2].var(axis=0)), rtol=1e-6)
    assert len(other) == N_GENES
    zeros = [points[:, 1] for points in offsets(axes[1])]
    np.testing.assert_allclose(zeros[1], (x[::2] == 0).mean(axis=0), atol=1e-9)
    half, other, generated = (line.get_xdata() for line in axes[2].lines)
    np.testing.assert_array_equal(np.sort(np.concatenate([half, other])), np.sort(x.sum(axis=1)))
    assert np.median(generated) == pytest.approx(4 * np.median(x[::2].sum(axis=1)))
    assert [text.get_text() for text in axes[2].get_legend().get_texts()] == [
        "half of the cells",
        "the other half",
        "generated",
    ]
    assert "Poisson: variance = mean" in [text.get_text() for text in axes[0].get_legend().get_texts()]
    assert "equal" in [text.get_text() for text in axes[1].get_legend().get_texts()]


def test_counts_draws_the_sets_and_kinds_asked_for(counted, made, tmp_path):
    _, ax = plt.subplots()
    (drawn,) = pl.counts(counted, made, sets="donor 1", kinds="library_size", ax=ax)
    assert drawn is ax
    assert len(ax.lines[2].get_xdata()) == 50
    pl.counts(counted, made, save=tmp_path / "counts.png")
    assert (tmp_path / "counts.png").stat().st_size > 1000


def test_counts_has_as_many_observed_cells_of_each_set_as_generated_ones(counted, made):
    """Else sets of other depths, of which fewer cells are generated, would look like an error of the fit."""
    deep = (counted.obs["gde_set"] == "donor 2").to_numpy()
    counted.layers["counts"] = sparse.csr_matrix(counted.layers["counts"].multiply(1 + 9 * deep[:, None]))
    few = made[(made.obs["set"] == "donor 1").to_numpy() | (np.arange(100) < 60)]
    axes = pl.counts(counted, few, kinds="library_size", show=False)
    shares = [(line.get_xdata() > 5 * N_GENES).mean() for line in axes[0].lines[:2]]
    assert shares == [10 / 60, 10 / 60]


def test_counts_says_what_is_wrong(counted, made):
    with pytest.raises(ValueError, match=r"`kinds` must be one of \['mean_variance', 'zeros', 'library_size'\]"):
        pl.counts(counted, made, kinds="ratio")
    with pytest.raises(ValueError, match="`generated` must have the 20 genes of the fit, got 3"):
        pl.counts(counted, made[:, :3])
    with pytest.raises(KeyError, match="'donor 3' is not generated"):
        pl.counts(counted, made, sets=["donor 3"])
    with pytest.raises(KeyError, match="'donor 1' is not observed"):
        pl.counts(counted[counted.obs["gde_set"] != "donor 1"], made)
    with pytest.raises(KeyError, match=r"`generated.obs` must hold 'set'"):
        pl.counts(counted, counted)


def test_counts_draws_sets_that_were_embedded_without_a_fit(fit, tiny):
    cells = datasets.cohort(8, n_genes=20, seed=0)
    fit(cells, "donor", layer="counts", cells="counts")
    new = cells[cells.obs["donor"].isin(["donor_0", "donor_1"])].copy()
    tl.embed(new, cells)
    assert len(pl.counts(new, tl.generate(new, n_cells=50), kinds="zeros", show=False)) == 1
