"""What becomes of a fit whose file cannot be written."""

from __future__ import annotations

import errno
import tempfile

import anndata as ad
import pytest

from scgde import datasets
from scgde.cli import _files


@pytest.fixture
def fitted_cells(fit):
    adata = datasets.gaussian_sets(8, (6, 16), 4, seed=0)
    fit(adata)
    return adata


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Where fits are kept: a temporary folder, with no other to write to."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def fail_to_write(monkeypatch, fails):
    original = _files.write_cells

    def write_cells(adata, path, **options):
        if fails(adata, path):
            raise OSError(errno.ENOSPC, "No space left on device")
        original(adata, path, **options)

    monkeypatch.setattr(_files, "write_cells", write_cells)


def test_write_fit_keeps_the_cells_elsewhere_and_says_where(fitted_cells, tmp_path, temporary, monkeypatch):
    output = tmp_path / "fitted.h5ad"
    fail_to_write(monkeypatch, lambda adata, path: path == output)
    with pytest.raises(
        OSError, match=r"`--output` could not be written to .* \(.*No space left.*\). The fit is in"
    ) as said:
        _files.write_fit(fitted_cells, output, "gde")
    (kept,) = temporary.iterdir()
    assert repr(str(kept)) in str(said.value)
    assert ad.read_h5ad(kept).shape == fitted_cells.shape
    assert not output.exists()


def test_write_fit_keeps_the_fit_alone_where_the_cells_do_not_fit(fitted_cells, tmp_path, temporary, monkeypatch):
    fail_to_write(monkeypatch, lambda adata, path: adata.X is not None)
    with pytest.raises(OSError, match="The fit is in"):
        _files.write_fit(fitted_cells, tmp_path / "fitted.h5ad", "gde")
    (kept,) = temporary.iterdir()
    read = ad.read_h5ad(kept)
    assert read.uns["gde"]["embedding"].shape == (8, 4)
    assert (read.obsm["X_gde"] == fitted_cells.obsm["X_gde"]).all()


def test_write_fit_says_when_it_can_be_kept_nowhere(fitted_cells, tmp_path, monkeypatch):
    fail_to_write(monkeypatch, lambda adata, path: True)
    with pytest.raises(OSError, match="Nor could the fit be kept"):
        _files.write_fit(fitted_cells, tmp_path / "fitted.h5ad", "gde")


def test_check_output_refuses_a_folder_also_to_overwrite(tmp_path):
    (tmp_path / "x.h5ad").mkdir()
    with pytest.raises(IsADirectoryError, match=r"`--output` must be a file, but .* is a folder"):
        _files.check_output(tmp_path / "x.h5ad", overwrite=True)


def test_write_fit_keeps_the_output_of_another_writer(fitted_cells, tmp_path, temporary):
    output = tmp_path / "fitted.h5ad"
    output.write_text("of another")
    with pytest.raises(OSError, match=r"\(.*File exists.*\). The fit is in"):
        _files.write_fit(fitted_cells, output, "gde", overwrite=False)
    assert output.read_text() == "of another"
    assert len(list(temporary.iterdir())) == 1
