from types import SimpleNamespace

import numpy as np
import pytest

from scgde import datasets, get, tl


@pytest.fixture
def regions():
    """What is read of a SpatialData: its tables."""
    adata = datasets.gaussian_sets(4, 10, 3, seed=0)
    adata.obs["region"] = adata.obs["set"].astype(str).astype("category")
    return SimpleNamespace(tables={"table": adata})


def test_table_shares_its_cells_and_keeps_what_is_written_to_itself(regions, tiny):
    adata = get.table(regions)
    assert np.shares_memory(adata.X, regions.tables["table"].X)
    tl.fit_gde(adata, "region", **tiny)
    assert get.sets(adata).n_obs == 4
    assert "gde" not in regions.tables["table"].uns
    assert "gde_set" not in regions.tables["table"].obs


def test_unknown_table_is_answered_with_the_known(regions):
    with pytest.raises(KeyError, match=r"must be a table, got 'tabel'.*Did you mean 'table'"):
        get.table(regions, "tabel")


def test_regions_of_a_spatialdata_are_sets():
    blobs = pytest.importorskip("spatialdata.datasets").blobs()
    adata = get.table(blobs)
    region = adata.uns["spatialdata_attrs"]["region_key"]
    assert adata.n_obs == blobs.tables["table"].n_obs
    assert adata.obs[region].notna().all()
