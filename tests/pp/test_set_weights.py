from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from scgde import pp
from scgde.pp._set_weights import _clipped, _dimension, _embedding_log_density


@pytest.fixture
def adata() -> ad.AnnData:
    """50 sets of 3 cells, ages skewed to the young, unequal diseases, and 10 cells in no set."""
    code = np.repeat(np.arange(50), 3)
    disease = np.array(["healthy", "mild", "severe"], dtype=object)[np.searchsorted([30, 45], code, side="right")]
    obs = pd.DataFrame({"donor": code.astype(float), "age": 80.0 * (code / 49) ** 3, "disease": disease})
    obs = pd.concat([obs, pd.DataFrame({"donor": np.full(10, np.nan), "age": 200.0, "disease": "none"})])
    obs.index = [f"cell{i}" for i in range(160)]
    adata = ad.AnnData(np.zeros((160, 1), dtype=np.float32), obs=obs)
    pp.make_sets(adata, "donor", min_cells=3)
    return adata


def share(table, groups):
    return (table["weight"].groupby(groups, observed=True).sum() / table["weight"].sum()).to_numpy()


def test_set_weights_give_every_category_the_same_share(adata):
    assert pp.set_weights(adata, "disease") is None
    table = adata.uns["set"]["sets"]
    assert share(table, table["disease"]) == pytest.approx(np.full(3, 1 / 3))
    assert table["weight"].mean() == pytest.approx(1)


def test_set_weights_give_every_bin_of_numbers_the_same_share(adata):
    pp.set_weights(adata, "age", n_bins=4, clip=100)
    table = adata.uns["set"]["sets"]
    assert share(table, pd.cut(table["age"], 4)) == pytest.approx(np.full(4, 0.25))


def test_set_weights_take_a_missing_value_as_a_category(adata):
    table = adata.uns["set"]["sets"]
    adata.uns["set"]["sets"] = table.assign(
        stage=pd.Categorical.from_codes([-1] * 10 + [0] * 40, ["I"]), score=[np.nan] * 10 + [0.0] * 40
    )
    for column in ("stage", "score"):
        pp.set_weights(adata, column)
        weight = adata.uns["set"]["sets"]["weight"]
        assert weight[:10].sum() == pytest.approx(weight[10:].sum())


def test_set_weights_are_equal_when_fully_tempered(adata):
    pp.set_weights(adata, "disease", tempering=0)
    assert (adata.uns["set"]["sets"]["weight"] == 1).all()
    pp.set_weights(adata, "disease", tempering=0.5)
    half = adata.uns["set"]["sets"]["weight"]
    pp.set_weights(adata, "disease")
    np.testing.assert_allclose(np.diff(np.log(half)), np.diff(np.log(adata.uns["set"]["sets"]["weight"])) / 2)


def test_set_weights_reach_every_cell_of_a_set_and_a_file(adata, round_trip):
    pp.set_weights(adata, "disease", key_added="importance")
    read = round_trip(adata)
    inside = read.obs["set"].notna()
    expected = read.uns["set"]["sets"]["importance"].loc[read.obs.loc[inside, "set"].astype(str)]
    np.testing.assert_array_equal(read.obs.loc[inside, "importance"], expected)
    assert read.obs.loc[~inside, "importance"].isna().all()


def test_set_weights_from_embeddings_undo_their_density(adata):
    rng = np.random.default_rng(0)
    points = np.stack([rng.exponential(size=2000).clip(max=2), rng.uniform(size=2000)], axis=1)
    names = pd.Index([f"s{i}" for i in range(2000)])
    obs = pd.DataFrame({"gde_set": pd.Categorical(names)}, index=names)
    cells = ad.AnnData(np.zeros((2000, 1), dtype=np.float32), obs=obs)
    embedding = points @ np.linalg.qr(rng.normal(size=(6, 2)))[0].T
    cells.uns["gde"] = {"sets": pd.DataFrame({"n_cells": 1}, index=names), "embedding": embedding}
    pp.set_weights(cells)
    table, thirds = cells.uns["gde"]["sets"], pd.cut(points[:, 0], [0, 0.65, 1.3, 1.95], include_lowest=True)
    assert np.abs(share(table, thirds) - 1 / 3).max() < 0.08
    before = np.bincount(thirds.codes[thirds.codes >= 0]) / 2000
    assert before.max() > 0.45


def test_dimension_is_that_of_the_sheet_and_not_of_the_space():
    rng = np.random.default_rng(1)
    for d in (1, 2, 3):
        z = rng.uniform(size=(1500, d)) @ rng.normal(size=(d, 8))
        distances = np.sort(np.linalg.norm(z[:, None] - z[None], axis=-1), axis=1)[:, 1:11]
        assert _dimension(np.log(distances), 8) == pytest.approx(d, rel=0.2)


def test_embedding_density_is_finite_for_copies_and_for_few_sets():
    for embedding in (np.zeros((30, 3)), np.zeros((1, 3)), np.arange(6.0).reshape(2, 3)):
        assert np.isfinite(_embedding_log_density(embedding, 10)).all()


def test_clipped_weights_have_mean_one_and_keep_to_the_limit():
    log_weights = np.random.default_rng(0).normal(size=300) * 4
    for limit in (1.0, 2.0, 10.0):
        weights = _clipped(log_weights, limit)
        assert weights.mean() == pytest.approx(1)
        assert weights.max() <= limit * (1 + 1e-12)
        assert weights.min() >= (1 - 1e-12) / limit
    free = _clipped(log_weights / 40, 10.0)
    np.testing.assert_allclose(np.log(free / free[0]), (log_weights - log_weights[0]) / 40)


def test_set_weights_say_what_is_wrong_and_change_nothing(adata):
    columns = list(adata.obs)
    with pytest.raises(KeyError, match="`label_key` must name a column of the set table, got 'sex'"):
        pp.set_weights(adata, "sex")
    with pytest.raises(KeyError, match=r"scgde\.tl\.fit_gde"):
        pp.set_weights(adata)
    with pytest.raises(ValueError, match="`clip` must be at least 1"):
        pp.set_weights(adata, "disease", clip=0.5)
    with pytest.raises(ValueError, match=r"`tempering` must be a number in \[0, 1\]"):
        pp.set_weights(adata, "disease", tempering=2)
    assert list(adata.obs) == columns
    assert "weight" not in adata.uns["set"]["sets"]
