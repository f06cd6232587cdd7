"""What scgde writes replaces nothing that it did not write."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc

from scgde import get, pp, tl

N_SETS, N_CELLS = 8, 12


@pytest.fixture(scope="module")
def cells_once():
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(N_SETS), N_CELLS)
    obs = {"donor": pd.Categorical([f"d{i}" for i in codes]), "ct": rng.choice(["T", "B"], len(codes))}
    index = [f"c{i}" for i in range(len(codes))]
    adata = ad.AnnData(rng.normal(size=(len(codes), 6)).astype(np.float32), obs=pd.DataFrame(obs, index=index))
    adata.obs["disease"] = np.where(codes % 2, "ill", "healthy")
    sc.pp.pca(adata, n_comps=4)
    return adata


@pytest.fixture
def cells(cells_once):
    return cells_once.copy()


#: Columns of the user's that are called as those of a fit, constant within donors.
OWN = {
    "role": np.array(["case", "control"] * 4),
    "split": np.array(["first", "second"] * 4),
    "weight": np.linspace(50, 90, N_SETS),
    "n_cells": np.arange(N_SETS) * 1000,
}


@pytest.mark.parametrize("name", OWN)
def test_columns_of_the_user_keep_their_names(cells, fit, name):
    cells.obs[name] = OWN[name][cells.obs["donor"].cat.codes]
    cells.obs["drawn"] = 1.0 + cells.obs["donor"].cat.codes % 2
    fit(cells, "donor", set_weights="drawn", validation_fraction=0.25)
    table = get.sets(cells).obs
    assert table[name].tolist() == OWN[name].tolist()
    kept = {"split": "gde_split", "weight": "gde_weight", "n_cells": "gde_n_cells"}.get(name)
    own = {"split", "weight", "n_cells"} - {name} | ({kept} if kept else set())
    assert own <= set(table)
    assert table[kept if name == "n_cells" else "n_cells"].tolist() == [N_CELLS] * N_SETS
    assert set(table[kept if name == "split" else "split"]) == {"train", "validation"}
    tl.score_generation(cells)
    tl.uncertainty(cells)
    tl.compare_sets(cells, "d0", "d1")
    if name in ("role", "split"):
        assert tl.compare_groups(cells, name).n_sets == {OWN[name][0]: 4, OWN[name][1]: 4}
    assert name in tl.associate(cells, n_permutations=9).index


def test_a_column_that_says_the_same_stands_once(cells, fit):
    pp.make_sets(cells, "donor")
    pp.split_sets(cells, fractions=(0.5, 0.25, 0.25))
    fit(cells, "set", split_key="split")
    assert [name for name in cells.uns["gde"]["sets"] if "split" in name] == ["split"]


def test_a_fit_does_not_overwrite_its_own_input(cells, fit, unchanged):
    with (
        unchanged(cells),
        pytest.raises(ValueError, match=r"'pca' would overwrite adata.obsm\['X_pca'\], which is read"),
    ):
        fit(cells, "donor", use_rep="X_pca", key_added="pca")
    with unchanged(cells), pytest.raises(ValueError, match=r"'pca' would overwrite adata.uns\['pca'\] and"):
        fit(cells, "donor", use_rep="X", key_added="pca")


@pytest.mark.parametrize("where", ["obs", "obsm", "uns"])
def test_embed_overwrites_nothing_that_it_did_not_write(cells, fit, unchanged, where):
    new = cells.copy()
    fit(cells, "donor")
    taken = {"obs": ("mine_set", "x"), "obsm": ("X_mine", np.ones((new.n_obs, 2))), "uns": ("mine", {"a": 1})}
    name, value = taken[where]
    getattr(new, where)[name] = value
    with unchanged(new), pytest.raises(ValueError, match=rf"'mine' would overwrite adata.{where}\['{name}'\]"):
        tl.embed(new, cells, key_added="mine")


def test_predictions_overwrite_nothing_of_the_user(cells, fit, unchanged):
    cells.obs["disease_predicted"] = "by hand"
    with unchanged(cells), pytest.raises(ValueError, match=r"\['disease_predicted'\] would be overwritten"):
        fit(cells, "donor", label_key="disease")
    fit(cells, "donor")
    with unchanged(cells), pytest.raises(ValueError, match=r"\['disease_predicted'\] would be overwritten"):
        tl.classify(cells, "disease", n_splits=0)
    del cells.obs["disease_predicted"]
    fit(cells, "donor")
    for _ in range(2):
        tl.classify(cells, "disease", n_splits=0)  # over its own
        fit(cells, "donor")


@pytest.mark.parametrize(
    ("options", "taken"),
    [({"key_added": "ct"}, r"adata.obs\['ct'\]"), ({"key_added": "gde"}, r"adata.uns\['gde'\]")],
)
def test_make_sets_overwrites_nothing_that_it_did_not_write(cells, fit, unchanged, options, taken):
    fit(cells, "donor")
    with unchanged(cells), pytest.raises(ValueError, match=f"would overwrite {taken}"):
        pp.make_sets(cells, "donor", **options)


@pytest.mark.parametrize("key", [5, "", "a/b", None])
def test_make_sets_needs_a_name_that_files_can_hold(cells, unchanged, key):
    with unchanged(cells), pytest.raises(ValueError, match="`key_added` must be a name without '/'"):
        pp.make_sets(cells, "donor", key_added=key)


@pytest.mark.parametrize("name", ["donor", "n_cells", "set", "ct", "disease"])
def test_columns_of_sets_overwrite_nothing_of_the_user(cells, unchanged, name):
    pp.make_sets(cells, "donor")
    with unchanged(cells), pytest.raises(ValueError, match=r"`key_added` must"):
        pp.split_sets(cells, key_added=name)
    with unchanged(cells), pytest.raises(ValueError, match=r"would be overwritten"):
        pp.set_weights(cells, "disease", key_added=name)


def test_sets_and_their_columns_are_made_again(cells):
    for seed in range(2):
        pp.make_sets(cells, "donor")
        pp.split_sets(cells, seed=seed)
        pp.set_weights(cells, "disease")
    assert {"split", "weight"} <= set(cells.uns["set"]["sets"])


def test_what_was_computed_from_an_embedding_is_no_covariate(cells, fit):
    fit(cells, "donor")
    tl.classify(cells, "disease", n_splits=0)
    pp.set_weights(cells)
    found = tl.associate(cells, n_permutations=9).index
    assert sorted(found) == ["disease", "donor", "n_cells"]
    sets = get.sets(cells)
    assert not [name for name in tl.associate(sets, key=None, n_permutations=9).index if "disease_" in name]
    fit(cells, "donor", key_added="again")
    assert not [name for name in cells.uns["again"]["sets"] if "disease_" in name]


def test_whole_numbers_that_repeat_are_classes_and_text_may_be_missing(cells, fit):
    cells.obs["batch"] = (np.arange(N_SETS) // 2)[cells.obs["donor"].cat.codes]
    cells.obs["grade"] = np.array(["1.5", "NA", "3.25", "4", "2", "NA", "7", "9"])[cells.obs["donor"].cat.codes]
    fit(cells, "donor")
    table = tl.associate(cells, ["batch", "grade"], n_permutations=9)
    assert table.loc["batch", "kind"] == "categorical"
    assert table.loc["grade", ["kind", "n_missing"]].tolist() == ["continuous", 2]
