from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from scgde import pp


def cells(**columns) -> ad.AnnData:
    obs = pd.DataFrame(columns)
    return ad.AnnData(np.zeros((len(obs), 2), dtype=np.float32), obs=obs.set_axis(obs.index.astype(str)))


@pytest.fixture
def screen() -> ad.AnnData:
    """Two lines, one of which lacks the control, with 12 cells of each perturbation."""
    line = ["a"] * 48 + ["b"] * 36 + ["c"] * 12
    gene = ["NT", "G1", "G2", "G1+G2", "NT", "G1", "G2", "G1"]
    return cells(line=line, gene=np.repeat(gene, 12), dose=np.repeat([0.0, 1, 2, 3, 0, 1, 2, 1], 12))


def test_each_perturbation_is_paired_with_the_control_of_its_context(screen):
    pairs = pp.perturbation_pairs(screen, "gene", "NT", context_key="line")
    assert pairs["source"].tolist() == ["a|NT"] * 3 + ["b|NT"] * 2
    assert set(pairs["target"]) == {"a|G1", "a|G2", "a|G1+G2", "b|G1", "b|G2"}
    assert (pairs["target"] == pairs["context"] + "|" + pairs["perturbation"]).all()
    assert set(pairs["control"]) == {"NT"}


def test_without_context_all_cells_are_one(screen):
    pairs = pp.perturbation_pairs(screen, "gene", "NT")
    assert pairs[["source", "target"]].to_numpy().tolist() == [["NT", "G1"], ["NT", "G1+G2"], ["NT", "G2"]]
    assert "context" not in pairs


def test_several_columns_name_a_context(screen):
    screen.obs["batch"] = np.where(np.arange(screen.n_obs) % 2, "x", "y")
    pairs = pp.perturbation_pairs(screen, "gene", "NT", context_key=["line", "batch"], min_cells=6)
    assert set(pairs["context"]) == {"a|x", "a|y", "b|x", "b|y"}


def test_dose_is_that_of_the_target(screen):
    pairs = pp.perturbation_pairs(screen, "gene", "NT", context_key="line", dose_key="dose").set_index("target")
    assert pairs["dose"].to_dict() == {"a|G1": 1, "a|G2": 2, "a|G1+G2": 3, "b|G1": 1, "b|G2": 2}


def test_parts_are_joined_by_a_plus_and_the_control_is_none_of_them():
    adata = cells(gene=np.repeat(["ctrl", "A_B", "A_ctrl"], 12))
    pairs = pp.perturbation_pairs(adata, "gene", "ctrl", sep="_")
    assert pairs.set_index("target")["perturbation"].to_dict() == {"A_B": "A+B", "A_ctrl": "A"}


def test_small_sets_form_no_pair(screen):
    assert len(pp.perturbation_pairs(screen[2:], "gene", "NT", context_key="line", min_cells=12)) == 2


def test_wrong_input_is_named(screen):
    with pytest.raises(ValueError, match=r"`control` must be the value of .* got 'NTC'. Values: .*Did you mean 'NT'"):
        pp.perturbation_pairs(screen, "gene", "NTC", context_key="line")
    alone = screen[(screen.obs["gene"] == "NT") == (screen.obs["line"] == "a")]
    with pytest.raises(ValueError, match=r"`control` must have at least `min_cells=10` cells in a context .*'NT'"):
        pp.perturbation_pairs(alone, "gene", "NT", context_key="line")
    with pytest.raises(KeyError, match=r"`perturbation_key` must name columns of `adata.obs`, got \['target'\]"):
        pp.perturbation_pairs(screen, "target", "NT")
    with pytest.raises(KeyError, match=r"`context_key` must name columns"):
        pp.perturbation_pairs(screen, "gene", "NT", context_key="donor")
    with pytest.raises(ValueError, match=r"must not hold '\+' where `sep` is '_', got 'G1\+G2'"):
        pp.perturbation_pairs(screen, "gene", "NT", sep="_")
    with pytest.raises(ValueError, match="`dose_key` must name a column of finite numbers, got 'line'"):
        pp.perturbation_pairs(screen, "gene", "NT", context_key="line", dose_key="line")
