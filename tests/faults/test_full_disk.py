"""A full disk costs no finished work, and leaves no half file under a final name."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pytest

from scgde import datasets
from scgde.model import GDE
from scgde.nn.cells import CellSpec
from scgde.train import SetTrainingPlan

pytestmark = pytest.mark.slow


def fill(folder, *, leave):
    """Fill a small disk but for some bytes."""
    content = folder / "content"
    with content.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    with content.open("rb+") as file:
        file.truncate(max(0, content.stat().st_size - leave))


def test_fit_whose_disk_fills_up_goes_on_with_the_state_before(small_disk, fit, monkeypatch):
    cells, disk = datasets.gaussian_sets(10, (6, 16), 4, seed=0), small_disk("1m")
    unbroken = cells.copy()
    options = {"validation_fraction": 0.2, "max_steps": 30, "train_kwargs": {"steps_per_validation": 6}}
    fit(unbroken, **options)

    def interrupt(self, batch, batch_idx):
        if self.global_step == 9:
            raise KeyboardInterrupt
        return original(self, batch, batch_idx)

    original = SetTrainingPlan.training_step
    monkeypatch.setattr(SetTrainingPlan, "training_step", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fit(cells.copy(), checkpoint_dir=disk, **options)
    monkeypatch.undo()
    state = (disk / "state.ckpt").read_bytes()
    fill(disk, leave=20_000)
    with pytest.warns(UserWarning, match=r"could not be written to .* \(No space left on device\)"):
        fit(cells, checkpoint_dir=disk, **options)
    np.testing.assert_array_equal(cells.uns["gde"]["embedding"], unbroken.uns["gde"]["embedding"])
    assert (disk / "state.ckpt").read_bytes() == state
    assert sorted(path.name for path in disk.iterdir()) == ["content", "state.ckpt"]


def test_save_on_a_full_disk_leaves_the_older_model(small_disk):
    older, newer = (GDE(cells=CellSpec.vectors(50), seed=seed) for seed in (1, 2))
    folder = small_disk("4m")
    older.save(folder / "model")
    fill(folder, leave=100_000)
    with pytest.raises(OSError, match="No space left"):
        newer.save(folder / "model", overwrite=True)
    assert GDE.load(folder / "model").config["seed"] == 1
    assert sorted(path.name for path in (folder / "model").iterdir()) == ["config.json", "state.safetensors"]


def test_command_line_keeps_a_fit_that_its_disk_does_not_hold(small_disk, finish, tmp_path):
    cells, log, temporary = tmp_path / "cells.h5ad", tmp_path / "log", tmp_path / "temporary"
    temporary.mkdir()
    datasets.gaussian_sets(10, (40, 60), 50, df=60, seed=0).write_h5ad(cells)
    output = small_disk("100k") / "fitted.h5ad"
    arguments = ["fit", str(cells), "-g", "set", "-o", str(output), "--max-steps", "5", "--accelerator", "cpu"]
    assert finish("command_line", arguments, log, temporary) == 2
    assert list(output.parent.iterdir()) == []
    (kept,) = temporary.iterdir()
    assert repr(str(kept)) in log.read_text().splitlines()[-1]
    assert "Traceback" not in log.read_text()
    assert np.isfinite(ad.read_h5ad(kept).uns["gde"]["embedding"]).all()


def test_command_line_refuses_a_full_disk_before_the_fit(small_disk, finish, tmp_path):
    cells, log = tmp_path / "cells.h5ad", tmp_path / "log"
    datasets.gaussian_sets(10, (40, 60), 50, df=60, seed=0).write_h5ad(cells)
    disk = small_disk("100k")
    fill(disk, leave=0)
    arguments = ["fit", str(cells), "-g", "set", "-o", str(disk / "fitted.h5ad"), "--max-steps", "1000000"]
    assert finish("command_line", arguments, log, tmp_path) == 2
    assert "takes none (No space left on device)" in log.read_text()
