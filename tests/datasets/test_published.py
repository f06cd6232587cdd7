import inspect

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from scgde import datasets, pp
from scgde.datasets._download import CHECKSUMS

#: Readers of files, the columns that make sets, and how many cells there are.
READERS = {
    "bodenmiller": (["treatment", "cell_type"], 51_936),
    "covid": ("donor", 18_598),
    "igan": ("donor", 24_227),
    "larry": (["clone_id", "day"], 130_887),
    "norman": (["cell_type", "condition"], 5_961),
    "onek1k": ("donor", 7_811),
    "papalexi": ("target", 20_729),
    "perez": ("sample", 15_751),
    "promoters": (["library", "medium"], 15_758),
    "tcr": ("donor", 75_493),
    "viral_proteins": (["year", "region", "subtype"], 3_319),
}


def file_of(name):
    return inspect.getmodule(getattr(datasets, name)).FILE


def columns_of(name):
    return list(inspect.getmodule(getattr(datasets, name)).COLUMNS)


@pytest.fixture
def one_cell(tmp_path):
    """A file of one cell with the columns that a reader needs."""

    def write(name, columns):
        obs, path = pd.DataFrame(1, index=["cell"], columns=columns), tmp_path / file_of(name)
        if path.suffix == ".gz":
            obs.assign(cdr3_aa="CASSF").to_csv(path, index=False)
        else:
            ad.AnnData(np.zeros((1, 2), dtype=np.float32), obs=obs).write_h5ad(path)
        return tmp_path

    return write


def test_every_reader_is_tested():
    with_path = [name for name in datasets.__all__ if "path" in inspect.signature(getattr(datasets, name)).parameters]
    assert sorted(READERS) == with_path
    assert sorted(CHECKSUMS) == sorted(file_of(name) for name in READERS)


@pytest.mark.parametrize("name", READERS)
def test_reads_a_file_a_folder_and_that_of_the_environment(name, one_cell, monkeypatch):
    folder, read = one_cell(name, columns_of(name)), getattr(datasets, name)
    monkeypatch.setenv("SCGDE_DATA", str(folder))
    assert all(read(path).n_obs == 1 for path in (folder / file_of(name), folder, None))


@pytest.mark.parametrize("name", READERS)
def test_says_where_the_data_are_where_there_is_no_file(name, tmp_path, monkeypatch):
    monkeypatch.delenv("SCGDE_DATA", raising=False)
    monkeypatch.delenv("SCGDE_DATA_URL", raising=False)
    with pytest.raises(FileNotFoundError, match=r"\$SCGDE_DATA is not set.*SCGDE_DATA_URL.*make it from"):
        getattr(datasets, name)()
    with pytest.raises(FileNotFoundError, match=r"there is no file .*\. Pass `path`"):
        getattr(datasets, name)(tmp_path)


def test_refuses_a_file_without_the_columns(one_cell):
    with pytest.raises(ValueError, match=r"\['status', 'cell_type'\] are missing"):
        datasets.covid(one_cell("covid", ["donor"]))


@pytest.mark.parametrize("name", READERS)
def test_real_file_makes_sets(name, real_data):
    groupby, n_cells = READERS[name]
    adata = getattr(datasets, name)(real_data(file_of(name)))
    pp.make_sets(adata, groupby, min_cells=1)
    assert adata.n_obs == n_cells
    assert len(adata.uns["set"]["sets"]) > 3


def test_ranks_of_expression_are_within_library_and_medium(real_data):
    adata = datasets.promoters(real_data(file_of("promoters")))
    groups = adata.obs.groupby(["library", "medium"])["rank"]
    assert groups.max().eq(1).all()
    assert (groups.mean() - 0.5).abs().max() < 1e-3


def test_cells_without_a_barcode_are_in_no_clone(real_data):
    adata = datasets.larry(real_data(file_of("larry")))
    assert adata.obs["clone_id"].isna().any()
    assert (adata.obs["clone_id"].dropna() >= 0).all()
