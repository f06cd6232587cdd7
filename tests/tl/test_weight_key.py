from __future__ import annotations

import anndata as ad
import numpy as np
import pytest

from scgde import tl


@pytest.fixture
def adata():
    """Six sets of 12 cells with whole weights."""
    rng = np.random.default_rng(0)
    data = ad.AnnData(rng.normal(np.repeat(np.arange(6), 12)[:, None], 1, size=(72, 3)).astype(np.float32))
    data.obs["set"] = np.repeat(list("abcdef"), 12)
    data.obs["count"] = rng.integers(1, 5, 72)
    return data


def copied(adata):
    """Each cell as often as its count says."""
    rows = np.repeat(np.arange(adata.n_obs), adata.obs["count"])
    obs = adata.obs.iloc[rows][["set"]].set_axis(np.arange(len(rows)).astype(str))
    return ad.AnnData(adata.X[rows], obs=obs)


def test_a_weighted_cell_is_so_many_copies(adata, fit, round_trip):
    fit(adata, weight_key="count")
    new, copies = adata.copy(), copied(adata)
    del new.uns["gde"]
    tl.embed(new, round_trip(adata))
    np.testing.assert_allclose(new.uns["gde"]["embedding"], adata.uns["gde"]["embedding"], atol=1e-6)
    copies.obs["count"] = 1.0
    tl.embed(copies, adata)
    np.testing.assert_allclose(copies.uns["gde"]["embedding"], adata.uns["gde"]["embedding"], atol=1e-5)
    assert adata.uns["gde"]["params"]["weight_key"] == new.uns["gde"]["params"]["weight_key"] == "count"


def test_weights_change_the_fit_and_equal_ones_do_not(adata, fit):
    plain, weighted, equal = adata.copy(), adata.copy(), adata.copy()
    equal.obs["count"] = 3.0
    fit(plain)
    fit(weighted, weight_key="count")
    fit(equal, weight_key="count")
    np.testing.assert_allclose(equal.uns["gde"]["embedding"], plain.uns["gde"]["embedding"], atol=1e-4)
    assert not np.allclose(weighted.uns["gde"]["embedding"], plain.uns["gde"]["embedding"], atol=1e-3)


def test_standard_errors_grow_where_few_cells_have_the_weight(adata, fit):
    fit(adata)
    tl.uncertainty(adata)
    equal = adata.uns["gde"]["standard_error"].mean()
    adata.obs["count"] = np.where(np.arange(72) % 12 < 2, 100.0, 1.0)
    fit(adata, weight_key="count")
    tl.uncertainty(adata)
    assert adata.uns["gde"]["standard_error"].mean() > 1.5 * equal


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (0, ValueError, r"positive and finite for cells in sets, but 'count' has 1 others, such as 0"),
        (np.nan, ValueError, "such as nan"),
        ("x", TypeError, "must name a column of numbers"),
    ],
)
def test_weights_that_are_no_positive_numbers_are_refused(adata, fit, value, error, message):
    adata.obs["count"] = adata.obs["count"].astype(object if value == "x" else float)
    adata.obs.loc["5", "count"] = value
    with pytest.raises(error, match=message):
        fit(adata, weight_key="count")
    assert "gde" not in adata.uns


def test_an_unknown_column_is_refused(adata, fit):
    with pytest.raises(KeyError, match="`weight_key` must name columns"):
        fit(adata, weight_key="size")


def test_draws_follow_the_weights(adata, fit):
    fit(adata, weight_key="count")
    tl.convergence(adata, sizes=(4, 8), n_draws=20)
    table = adata.uns["gde"]["convergence"]
    assert np.isfinite(table["distance"]).all()
    found = table.groupby("n_cells")["distance"].apply(lambda x: np.sqrt(np.square(x).mean()))
    assert found[8] < found[4]
