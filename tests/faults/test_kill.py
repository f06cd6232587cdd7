"""Whenever a process is killed, its input is untouched, and the last whole state is under the final name."""

from __future__ import annotations

import signal
import time

import anndata as ad
import numpy as np
import pytest

from scgde import datasets
from scgde.model import GDE
from scgde.nn.cells import CellSpec
from scgde.train._state_file import StateFile

pytestmark = pytest.mark.slow


def kill_after(process, seconds):
    """Kill a process, and return whether it was still working."""
    process.join(seconds)
    process.kill()
    process.join()
    return process.exitcode == -signal.SIGKILL


def visible(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def kill_after_states(process, path, n_states):
    """Kill a process once it has written `n_states` states, and return whether it was still working."""
    for _ in range(n_states):
        before = path.stat().st_mtime_ns if path.exists() else None
        while process.is_alive() and (not path.exists() or path.stat().st_mtime_ns == before):
            time.sleep(0.001)
    return kill_after(process, 0.01)


def test_fit_that_is_killed_twelve_times_ends_as_an_unbroken_one(start, finish, tiny, tmp_path):
    cells, folder = tmp_path / "cells.h5ad", tmp_path / "state"
    datasets.gaussian_sets(10, (6, 16), 4, seed=0).write_h5ad(cells)
    before = cells.read_bytes()
    options = {**tiny, "validation_fraction": 0.2, "max_steps": 900, "train_kwargs": {"steps_per_validation": 3}}
    assert finish("fit", cells, None, options, tmp_path / "unbroken.npz") == 0
    for n_states in [0, 1, 2, 3] * 3:
        broken = start("fit", cells, folder, options, tmp_path / "broken.npz")
        assert kill_after_states(broken, folder / "state.ckpt", n_states)
        assert cells.read_bytes() == before
        assert not folder.exists() or visible(folder) in ([], ["state.ckpt"])
        if (folder / "state.ckpt").exists():
            StateFile().load_checkpoint(folder / "state.ckpt")
    assert finish("fit", cells, folder, options, tmp_path / "broken.npz") == 0
    unbroken, broken = (np.load(tmp_path / f"{name}.npz") for name in ("unbroken", "broken"))
    for name in unbroken:
        np.testing.assert_array_equal(broken[name], unbroken[name])


def test_save_that_is_killed_leaves_one_whole_model(start, tmp_path):
    models = [GDE(cells=CellSpec.vectors(50), seed=seed) for seed in (1, 2)]
    paths = [tmp_path / str(model.config["seed"]) for model in models]
    for model, path in zip(models, paths, strict=True):
        model.save(path)
    folder, found = tmp_path / "model", []
    models[0].save(folder)
    for delay in np.random.default_rng(0).uniform(0.05, 0.6, size=10):
        assert kill_after(start("save_forever", folder, paths), delay)
        seed = GDE.load(folder).config["seed"]
        embedding = GDE.load(folder).embed(np.eye(50), np.arange(50))
        np.testing.assert_array_equal(embedding, models[seed - 1].embed(np.eye(50), np.arange(50)))
        assert set(visible(folder)) - {"state.previous.safetensors"} <= {"config.json", "state.safetensors"}
        found.append(seed)
    assert set(found) == {1, 2}


def test_write_that_is_killed_leaves_one_whole_file(start, tmp_path):
    files = []
    for seed in (1, 2):
        adata = datasets.gaussian_sets(50, (50, 60), 100, df=110, seed=seed)
        adata.uns["seed"] = seed
        files.append(tmp_path / f"{seed}.h5ad")
        adata.write_h5ad(files[-1])
    output = tmp_path / "out" / "fitted.h5ad"
    output.parent.mkdir()
    for delay in np.random.default_rng(0).uniform(0.05, 0.6, size=8):
        assert kill_after(start("write_forever", output, files), delay)
        assert visible(output.parent) in ([], ["fitted.h5ad"])
        if output.exists():
            read = ad.read_h5ad(output)
            np.testing.assert_array_equal(read.X, ad.read_h5ad(files[read.uns["seed"] - 1]).X)
    assert output.exists()
