from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from scgde import pp


@pytest.fixture
def adata() -> ad.AnnData:
    rng = np.random.default_rng(0)
    clone = np.repeat([0.0, 1.0, 2.0, np.nan], 15)
    obs = pd.DataFrame(
        {
            "clone": clone,
            "day": pd.Categorical(np.tile([2, 4, 6], 20), categories=[2, 4, 6, 8]),
            "text": np.where(clone == 1, "a", "b"),
            "text_with_gap": pd.Series(np.where(clone == 1, None, "b"), dtype=object).to_numpy(),
            "mixed": pd.Series([0, 0.5, "b", True], dtype=object).repeat(15).to_numpy(),
            "interval": pd.cut(np.nan_to_num(clone), 3),
            "nullable": pd.array(np.where(clone == 1, 1, 2), dtype="Int64"),
            "nullable_gap": pd.array([None if c == 1 else True for c in clone], dtype="boolean"),
            "nullable_text": pd.array([None if c == 1 else "x" for c in clone], dtype="string"),
            "nullable_float": pd.array([None if c == 1 else 0.5 for c in clone], dtype="Float64"),
            "date": pd.Timestamp("2020-01-01"),
            "missing": None,
        },
        index=[f"cell{i}" for i in range(60)],
    )
    return ad.AnnData(rng.normal(size=(60, 3)).astype(np.float32), obs=obs)


def test_make_sets_writes_documented_keys_only(adata):
    before = set(adata.obs)
    assert pp.make_sets(adata, ["clone", "day"], min_cells=5) is None
    assert set(adata.obs) - before == {"set"}
    assert set(adata.uns) == {"set"}
    assert set(adata.uns["set"]) == {"sets", "own_columns", "dropped", "params"}
    assert adata.obs["set"].isna().equals(adata.obs["clone"].isna())
    assert list(adata.obs["set"].cat.categories) == [f"{c}|{d}" for c in (0, 1, 2) for d in (2, 4, 6)]
    assert adata.uns["set"]["params"] == {"groupby": ["clone", "day"], "min_cells": 5}


def test_make_sets_survives_a_round_trip(adata, round_trip):
    pp.make_sets(adata, "clone", mask=np.arange(60) > 0)
    table, dropped = adata.uns["set"]["sets"], adata.uns["set"]["dropped"]
    # Intervals, dates and mixed objects in `obs` itself cannot be written; the set table can.
    adata.obs = adata.obs[["set"]]
    read = round_trip(adata)

    assert set(table) == {
        *("clone", "n_cells", "text", "text_with_gap", "mixed", "interval", "nullable", "nullable_gap"),
        *("nullable_text", "nullable_float", "date", "missing"),
    }
    pd.testing.assert_frame_equal(read.uns["set"]["sets"], table)
    pd.testing.assert_frame_equal(read.uns["set"]["dropped"], dropped)
    pd.testing.assert_series_equal(read.obs["set"], adata.obs["set"])
    assert list(read.uns["set"]["params"]["groupby"]) == ["clone"]
    assert read.uns["set"]["params"]["min_cells"] == 2
    assert read.uns["set"]["params"]["mask"] == "array"


def test_make_sets_round_trips_when_the_group_column_is_called_set(adata, round_trip):
    adata.obs = pd.DataFrame({"set": pd.Categorical(adata.obs["text"])}, index=adata.obs_names)
    pp.make_sets(adata, "set", key_added="group")
    pd.testing.assert_frame_equal(round_trip(adata).uns["group"]["sets"], adata.uns["group"]["sets"])


def test_make_sets_makes_a_view_actual_and_leaves_its_parent(adata):
    view = adata[adata.obs["day"] == 2]
    pp.make_sets(view, "clone", min_cells=2)
    assert not view.is_view
    assert list(view.obs["set"].cat.categories) == ["0", "1", "2"]
    assert "set" not in adata.obs
    assert "set" not in adata.uns


def test_make_sets_leaves_a_view_alone_when_it_raises(adata):
    view = adata[:30]
    with pytest.raises(ValueError, match="all too small"):
        pp.make_sets(view, "clone", min_cells=1000)
    assert view.is_view
    assert "set" not in view.obs


def test_make_sets_works_on_a_backed_file(adata, tmp_path):
    adata.obs = adata.obs[["clone"]]
    adata.write_h5ad(tmp_path / "cells.h5ad")
    backed = ad.read_h5ad(tmp_path / "cells.h5ad", backed="r")
    pp.make_sets(backed, "clone")
    assert backed.obs["set"].notna().sum() == 45
    backed.file.close()


def test_make_sets_forgets_an_earlier_call(adata):
    pp.make_sets(adata, "clone")
    pp.make_sets(adata, "clone")
    assert "set" not in adata.uns["set"]["sets"]


def test_make_sets_warns_once_when_sets_are_dropped(adata):
    with pytest.warns(UserWarning, match=r"Dropped 1 of \d sets .*\(14 cells in all, \d+%\): 0\.") as seen:
        pp.make_sets(adata, "clone", min_cells=15, mask=np.arange(60) > 0)
    assert len(seen) == 1
    assert seen[0].filename == __file__
    assert adata.obs["set"].isna().sum() == 30


def test_make_sets_raises_when_it_would_overwrite_a_group_column(adata):
    with pytest.raises(ValueError, match="`key_added` must not overwrite"):
        pp.make_sets(adata, "clone", key_added="clone")


def test_make_sets_takes_real_patients(real_data):
    adata = ad.read_h5ad(real_data("igan_glomeruli_pilot.h5ad"))
    pp.make_sets(adata, "donor", min_cells=2)
    table = adata.uns["set"]["sets"]
    assert len(table) == 634
    assert (table["n_cells"].min(), table["n_cells"].max()) == (2, 415)
    assert {"egfr_stage", "sex", "age"} <= set(table)
