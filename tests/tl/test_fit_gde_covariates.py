"""Fits with a label or a batch of the sets."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import torch

from scgde import tl
from scgde.nn.hsic import group_dependence

N_SETS, N_CELLS, SHIFT = 24, 20, 6.0


@pytest.fixture(scope="module")
def donors():
    """Donors whose class shifts the first feature, and whose batch shifts all cells along the second."""
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(N_SETS), N_CELLS)
    ill, batch = np.arange(N_SETS) % 2, np.arange(N_SETS) // 2 % 2
    x = rng.normal(size=(len(codes), 3)) + np.column_stack([3 * ill, SHIFT * batch, 0 * ill])[codes]
    known = np.where(np.arange(N_SETS) < 16, np.where(ill, "is ill", "well"), None)
    obs = {
        "donor": pd.Categorical([f"d{i:02d}" for i in codes]),
        "status": pd.Categorical(np.where(ill, "is ill", "well")[codes]),
        "known": pd.Categorical(known[codes]),
        "site": pd.Categorical(np.array(["site a", "site b"])[batch][codes]),
    }
    return ad.AnnData(x.astype(np.float32), obs=pd.DataFrame(obs, index=[f"c{i}" for i in range(len(codes))]))


@pytest.fixture(scope="module")
def with_both(donors, fit):
    """A fit with both."""
    adata = donors.copy()
    options = {"max_steps": 150, "sets_per_batch": 16, "validation_fraction": 0, "train_kwargs": {"lr": 1e-2}}
    fit(adata, "donor", label_key="known", batch_key="site", use_rep="X", scaling="common", **options)
    return adata


def test_label_without_weight_leaves_the_fit_as_it_is(fitted, cells, fit):
    cells.obs["kind"] = np.where(cells.obs["set"].cat.codes % 2, "a", "b")
    fit(cells, label_key="kind", label_weight=0.0, validation_fraction=0.2)
    # The norm of the gradient is summed in another order.
    np.testing.assert_allclose(cells.obsm["X_gde"], fitted.obsm["X_gde"], atol=1e-5)


def test_fit_gde_predicts_the_label_of_sets_without_one(with_both, round_trip):
    back = round_trip(with_both)
    table = back.uns["gde"]["sets"]
    right = table["known_predicted"].astype(str) == table["status"].astype(str)
    assert right[table["known"].isna()].mean() >= 7 / 8
    columns = ["known_probability_is ill", "known_probability_well"]
    np.testing.assert_allclose(table[columns].sum(axis=1), 1, atol=1e-6)
    per_cell = back.obs.drop_duplicates("gde_set").set_index("gde_set")[columns]
    np.testing.assert_array_equal(per_cell.loc[table.index], table[columns])


def test_fit_gde_predicts_a_number_in_its_units(donors, fit, round_trip):
    adata = donors.copy()
    adata.obs["amount"] = 1000 + adata.obs["donor"].cat.codes.astype(float)
    fit(adata, "donor", label_key="amount")
    back = round_trip(adata)
    predicted = back.uns["gde"]["sets"]["amount_predicted"]
    assert predicted.between(980, 1044).all()
    del back.uns["gde"]["sets"]["amount_predicted"]
    tl.embed(back, back, groupby="donor")  # the label head came back as well
    np.testing.assert_allclose(back.uns["gde"]["sets"]["amount_predicted"], predicted, rtol=1e-5)


def test_new_sets_are_embedded_and_predicted_without_label_and_batch(with_both, donors):
    new = donors[donors.obs["donor"].isin(["d20", "d21"])].copy()
    del new.obs["known"], new.obs["site"]
    tl.embed(new, with_both)
    columns = ["known_probability_is ill", "known_probability_well"]
    expected = with_both.uns["gde"]["sets"].loc[["d20", "d21"], columns]
    np.testing.assert_allclose(new.uns["gde"]["sets"][columns], expected, atol=1e-5)


def test_batch_is_in_the_generator_and_not_in_the_embedding(with_both, donors, fit):
    plain = donors.copy()
    fit(plain, "donor", max_steps=50, validation_fraction=0)
    batch = torch.from_numpy(with_both.uns["gde"]["sets"]["site"].cat.codes.to_numpy(dtype=np.int64))
    embeddings = [torch.from_numpy(adata.uns["gde"]["embedding"]) for adata in (plain, with_both)]
    leaks = [float(group_dependence(embedding, batch)) for embedding in embeddings]
    assert leaks[1] < 0.25 * leaks[0]
    means = [
        tl.generate(with_both, ["d00"], n_cells=300, batch=name).X.mean(axis=0) for name in ("site a", "site b", None)
    ]
    assert abs(means[1] - means[0])[1] > 0.5 * SHIFT
    assert means[0][1] < means[2][1] < means[1][1]


def test_generate_says_which_batches_there_are(with_both, fitted):
    with pytest.raises(ValueError, match=r"`batch` must be among \['site a', 'site b'\], got 'x'"):
        tl.generate(with_both, ["d00"], batch="x")
    with pytest.raises(ValueError, match=r"`batch` needs a fit with `batch_key`, got 'x' for one without"):
        tl.generate(fitted, batch="x")


def test_held_out_sets_are_scored_in_their_own_batch(with_both):
    scores = tl.score_generation(with_both, sets=["d00", "d02"], n_cells=100)  # of either site
    assert (scores["generated"] < scores["pooled"]).all()


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"label_key": "x"}, KeyError, r"`label_key` must name columns of `adata.obs`, got \['x'\]"),
        ({"label_key": "varies"}, ValueError, r"constant within sets, but 'varies' varies in 24, such as \['d00'"),
        ({"label_key": "one"}, ValueError, r"two classes or more, but the 24 labelled sets of 'one' have \['a'\]"),
        ({"label_key": "alone"}, ValueError, r"two classes or more, but the 1 labelled sets of 'alone' have \['7'\]"),
        ({"label_key": "none"}, ValueError, r"two classes or more, but the 0 labelled sets of 'none' have \[\]"),
        ({"label_key": "slashes"}, ValueError, r"must differ where '/' is written as '_', got \['a/b', 'a_b'\]"),
        ({"label_key": "status", "label_weight": -1.0}, ValueError, "`label_weight` must be zero or positive"),
        ({"label_key": "status", "train_kwargs": {"n_mixed": 2}}, ValueError, "`n_mixed` must be 1 with labels"),
        ({"label_key": "status", "split_key": "well"}, ValueError, "12 of 12 have one, all the same"),
        ({"batch_key": "x"}, KeyError, r"`batch_key` must name columns of `adata.obs`, got \['x'\]"),
        ({"batch_key": "varies"}, ValueError, r"`batch_key` must name a column that is constant within sets"),
        ({"batch_key": "one"}, ValueError, r"two batches or more, .* but 'one' has 1, the largest with 24"),
        ({"batch_key": "donor"}, ValueError, r"at least one with several sets, but 'donor' has 24, the largest with 1"),
    ],
    ids=str,
)
def test_fit_gde_says_what_is_wrong_with_a_label_or_batch(donors, fit, unchanged, options, error, match):
    adata = donors.copy()
    adata.obs["varies"], adata.obs["one"], adata.obs["none"] = np.arange(adata.n_obs) % 2, "a", np.nan
    adata.obs["alone"] = np.where(adata.obs["donor"] == "d03", 7.0, np.nan)
    adata.obs["slashes"] = np.where(adata.obs["status"] == "well", "a/b", "a_b")
    adata.obs["well"] = np.where(adata.obs["status"] == "well", "train", "test")
    with unchanged(adata), pytest.raises(error, match=match):
        fit(adata, "donor", **options)
