from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from scgde import pl

GENES = ["flat", "rising", "falling"]


@pytest.fixture
def observed() -> ad.AnnData:
    """Two donors: the second has more of one gene and less of another."""
    mean = np.repeat([[5.0, 1.0, 9.0], [5.0, 9.0, 1.0]], 50, axis=0)
    counts = sparse.csr_matrix(np.random.default_rng(0).poisson(mean).astype(np.int32))
    obs = pd.DataFrame({"gde_set": np.repeat(["a", "b"], 50)}, index=np.arange(100).astype(str))
    adata = ad.AnnData(counts.astype(np.float32).log1p(), obs=obs, var=pd.DataFrame(index=GENES))
    adata.layers["counts"] = counts
    return adata


@pytest.fixture
def path() -> ad.AnnData:
    """Counts from the one to the other in three steps."""
    t = np.repeat([0.0, 0.5, 1.0], 40)
    mean = np.stack([0 * t + 5, 1 + 8 * t, 9 - 8 * t], axis=1)
    counts = sparse.csr_matrix(np.random.default_rng(1).poisson(mean).astype(np.int32))
    obs = pd.DataFrame({"t": t}, index=np.arange(120).astype(str))
    path = ad.AnnData(counts, obs=obs, var=pd.DataFrame(index=GENES), layers={"counts": counts.copy()})
    path.uns["path"] = {"key": "gde", "sets": np.array(["a", "b"], dtype=object)}
    return path


def means(ax):
    """Generated and observed means with their times."""
    return [(part.lines[0].get_xdata(), part.lines[0].get_ydata()) for part in ax.containers]


def test_genes_with_the_largest_change_come_first(observed, path):
    axes = pl.genes(observed, path, n_genes=2, show=False)
    assert {ax.get_title("left") for ax in axes} == {"rising", "falling"}
    assert len(pl.genes(observed, path, show=False)) == 3


def test_genes_draws_generated_means_beside_observed_ones_at_the_ends(observed, path):
    (ax,) = pl.genes(observed, path, "rising", show=False)
    (times, made), (ends, truth) = means(ax)
    np.testing.assert_array_equal(times, [0, 0.5, 1])
    np.testing.assert_array_equal(ends, [0, 1])
    assert (np.diff(made) > 0).all()
    np.testing.assert_allclose(made[[0, -1]], truth, atol=0.3)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "generated, ± 2 s.e.",
        "observed, ± 2 s.e.",
    ]
    assert ax.get_ylabel() == "mean of log1p of\nnormalised counts"


def test_genes_draws_decoded_values_as_they_are(observed, path):
    values = path.copy()
    values.X = path.X.toarray().astype(np.float32) / 3
    del values.layers["counts"]
    (ax,) = pl.genes(observed, values, ["falling"], show=False)
    (_, made), (_, truth) = means(ax)
    np.testing.assert_allclose(made[0], values.X[:40, 2].mean(), rtol=1e-5)
    np.testing.assert_allclose(truth[0], observed.X[:50, 2].mean(), rtol=1e-5)


def test_genes_of_a_transport_have_sources_and_targets_at_the_ends(observed, path):
    del path.uns["path"]
    path.obs["source_set"], path.obs["target_set"] = "a", "b"
    observed.obs["tde_set"] = observed.obs.pop("gde_set")
    (ax,) = pl.genes(observed, path, ["rising"], show=False)
    (_, truth) = means(ax)[1]
    assert truth[1] > truth[0]


def test_genes_says_what_is_wrong(observed, path):
    with pytest.raises(KeyError, match=r"`path` must hold all genes that are drawn, but \['other'\] are missing"):
        pl.genes(observed, path, ["other"])
    with pytest.raises(KeyError, match=r"`adata` must hold all genes that are drawn, but \['rising'\]"):
        pl.genes(observed[:, ["flat", "falling"]].copy(), path, ["rising"])
    with pytest.raises(ValueError, match="`path` must hold two times or more"):
        pl.genes(observed, path[path.obs["t"] == 0].copy())
    with pytest.raises(KeyError, match="'tde_set', which the fit 'tde' writes"):
        pl.genes(observed, path, key="tde")
