from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from scgde import pp
from scgde.pp._split_sets import part_sizes


@pytest.fixture
def adata() -> ad.AnnData:
    """50 sets of 3 cells in 25 donors and 3 unequal diseases, and 10 cells in no set."""
    code = np.repeat(np.arange(50), 3)
    disease = np.array(["healthy", "mild", "severe"])[np.searchsorted([14, 20], code // 2, side="right")]
    obs = pd.DataFrame({"unit": code.astype(float), "donor": [f"d{c // 2}" for c in code], "disease": disease})
    obs = pd.concat([obs, pd.DataFrame({"unit": np.full(10, np.nan), "donor": "none", "disease": "none"})])
    obs.index = [f"cell{i}" for i in range(160)]
    adata = ad.AnnData(np.zeros((160, 1), dtype=np.float32), obs=obs)
    pp.make_sets(adata, "unit", min_cells=3)
    return adata


def test_split_sets_keeps_sets_whole_and_sizes_exact(adata):
    assert pp.split_sets(adata) is None
    in_sets = adata.obs["set"].notna()
    assert adata.obs["split"].notna().equals(in_sets)
    assert adata.obs[in_sets].groupby("set", observed=True)["split"].nunique().eq(1).all()
    table = adata.uns["set"]["sets"]
    assert table["split"].value_counts().to_dict() == {"train": 40, "validation": 5, "test": 5}
    assert list(table["split"].cat.categories) == ["train", "validation", "test"]
    per_cell = table["split"].loc[adata.obs.loc[in_sets, "set"].astype(str)]
    assert per_cell.tolist() == adata.obs.loc[in_sets, "split"].tolist()


def test_split_sets_is_reproducible_by_seed(adata):
    splits = []
    for seed in (0, 0, 1):
        pp.split_sets(adata, seed=seed)
        splits.append(adata.obs["split"].copy())
    assert splits[0].equals(splits[1])
    assert not splits[0].equals(splits[2])


def test_split_sets_spreads_each_stratum_in_proportion(adata):
    for seed in range(5):
        pp.split_sets(adata, fractions=(0.5, 0.3, 0.2), stratify_key="disease", seed=seed)
        table = adata.uns["set"]["sets"]
        counts = pd.crosstab(table["disease"], table["split"])
        expected = np.outer(counts.sum(axis=1), [0.5, 0.3, 0.2])
        assert (np.abs(counts - expected) <= 1.5).all(axis=None)
        assert counts.sum().tolist() == [25, 15, 10]


def test_split_sets_puts_a_group_on_one_side(adata):
    pp.split_sets(adata, group_key="donor", stratify_key="disease")
    table = adata.uns["set"]["sets"]
    assert table.groupby("donor")["split"].nunique().eq(1).all()
    donors = table.groupby("donor")["split"].first().value_counts()
    assert donors.to_dict() == {"train": 20, "validation": 3, "test": 2}


def test_split_sets_takes_a_missing_group_as_a_group_of_its_own(adata):
    adata.uns["set"]["sets"]["donor"] = [None, None, *adata.uns["set"]["sets"]["donor"][2:]]
    pp.split_sets(adata, group_key="donor", fractions=(0.5, 0.5, 0))
    assert adata.uns["set"]["sets"].groupby("donor")["split"].nunique().eq(1).all()


def test_split_sets_gives_every_unit_every_part_over_seeds(adata):
    seen = []
    for seed in range(60):
        pp.split_sets(adata, fractions=(0.4, 0.3, 0.3), seed=seed)
        seen.append(adata.uns["set"]["sets"]["split"].cat.codes.to_numpy())
    share = (np.stack(seen)[..., None] == np.arange(3)).mean(axis=0)
    # Each share is binomial with 60 draws: five standard errors are .32.
    assert np.abs(share - [0.4, 0.3, 0.3]).max() < 0.32


def test_split_sets_survives_and_follows_a_round_trip(adata, round_trip):
    pp.split_sets(adata)
    read = round_trip(adata)
    pd.testing.assert_series_equal(read.obs["split"], adata.obs["split"])
    pp.split_sets(read, key_added="again")
    assert read.obs["again"].tolist() == adata.obs["split"].tolist()


def test_split_sets_works_on_a_view(adata):
    view = adata[::3]
    pp.split_sets(view)
    assert not view.is_view
    assert "split" not in adata.obs
    assert "split" not in adata.uns["set"]["sets"]


@pytest.mark.parametrize(
    ("fractions", "n_units", "sizes"),
    [
        ((0.8, 0.1, 0.1), 10, [8, 1, 1]),
        ((0.8, 0.1, 0.1), 14, [11, 2, 1]),
        ((0.8, 0.1, 0.1), 3, [1, 1, 1]),
        ((0.98, 0.01, 0.01), 10, [8, 1, 1]),
        ((1, 0, 0), 7, [7, 0, 0]),
        ((1 / 3, 1 / 3, 1 / 3), 9, [3, 3, 3]),
    ],
)
def test_part_sizes_are_largest_remainders_without_empty_parts(fractions, n_units, sizes):
    assert part_sizes(np.array(fractions), n_units).tolist() == sizes


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"fractions": (0.8, 0.1)}, ValueError, "`fractions` must be 3 non-negative numbers"),
        ({"fractions": (0.8, 0.1, 0.2)}, ValueError, "sum to 1"),
        ({"fractions": (1.2, -0.1, -0.1)}, ValueError, "non-negative"),
        ({"stratify_key": "sex"}, KeyError, "`stratify_key` must name a column of the set table"),
        ({"group_key": "sex"}, KeyError, "`group_key` must name a column of the set table"),
        (
            {"group_key": "disease", "stratify_key": "donor"},
            ValueError,
            "must be constant within each value of `group_key`",
        ),
        ({"group_key": "assay"}, ValueError, "needs a set"),
        ({"key": "sets"}, KeyError, "scgde.pp.make_sets"),
        ({"key_added": "set"}, ValueError, "`key_added` must not be"),
        ({"seed": -1}, ValueError, "`seed` must be at least 0"),
    ],
)
def test_split_sets_raises_when_arguments_are_wrong(adata, arguments, error, message):
    adata.uns["set"]["sets"]["assay"] = "10x"
    with pytest.raises(error, match=message):
        pp.split_sets(adata, **arguments)
    assert "split" not in adata.obs
