import numpy as np
import pandas as pd
import pytest

from scgde import datasets, get, tl

mudata = pytest.importorskip("mudata")


@pytest.fixture
def mdata():
    """Genes with a donor of their own, and proteins of the same cells; a status of all."""
    genes = datasets.cohort(6, n_genes=20, n_cells=(12, 12))[:, :6].copy()
    proteins = genes[:, :3].copy()
    proteins.obs = pd.DataFrame(index=proteins.obs_names)
    proteins.var_names = ["cd3", "cd4", "cd8"]
    proteins.layers.clear()
    mdata = mudata.MuData({"rna": genes, "protein": proteins})
    mdata.obs["status"] = np.where(mdata["rna"].obs["donor"].astype(str) < "donor_3", "a", "b")
    mdata.obs["of_all"] = mdata["rna"].obs["donor"].to_numpy()
    return mdata


def test_modality_has_its_columns_and_those_of_all(mdata):
    genes, proteins = get.modality(mdata, "rna"), get.modality(mdata, "protein")
    assert set(genes.obs) == {*mdata["rna"].obs, "status", "of_all"}
    assert {"status", "of_all"} <= set(proteins.obs)
    np.testing.assert_array_equal(genes.obs["status"], mdata.obs["status"])


def test_modality_shares_its_arrays(mdata):
    adata = get.modality(mdata, "rna")
    assert all(np.shares_memory(adata.layers[name].data, mdata["rna"].layers[name].data) for name in adata.layers)


def test_fit_of_a_modality_by_a_column_of_all_leaves_the_mudata(mdata, tiny):
    adata = get.modality(mdata, "protein")
    tl.fit_gde(adata, "of_all", **tiny)
    assert adata.obsm["X_gde"].shape == (72, 4)
    assert "gde" not in mdata["protein"].uns
    assert "X_gde" not in mdata["protein"].obsm
    mdata.mod["protein"] = adata
    assert get.sets(mdata["protein"]).n_obs == 6


def test_unknown_modality_is_answered_with_the_known(mdata):
    with pytest.raises(KeyError, match=r"must be a modality, got 'ran'\. .*Did you mean 'rna'"):
        get.modality(mdata, "ran")
