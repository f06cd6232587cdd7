"""A fit that is broken off leaves everything as it was, and can be taken up again."""

from __future__ import annotations

import errno
import hashlib
import io
import signal
import subprocess
import sys
import time
import warnings

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import torch

from scgde.train import SetTrainingPlan

OPTIONS = {"validation_fraction": 0.2, "max_steps": 30, "train_kwargs": {"steps_per_validation": 6}}


@pytest.fixture
def break_at(monkeypatch):
    """Make training raise at a step; returns a function that ends this."""
    original = SetTrainingPlan.training_step

    def install(step, error=KeyboardInterrupt):
        def training_step(self, batch, batch_idx):
            if self.global_step == step:
                raise error
            return original(self, batch, batch_idx)

        monkeypatch.setattr(SetTrainingPlan, "training_step", training_step)
        return lambda: monkeypatch.setattr(SetTrainingPlan, "training_step", original)

    return install


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_fit_gde_leaves_all_as_it_was_when_interrupted(cells, fit, unchanged, break_at, error):
    break_at(10, error)
    random_state, filters = torch.get_rng_state(), list(warnings.filters)
    handler = signal.getsignal(signal.SIGINT)
    with unchanged(cells), pytest.raises(error):
        fit(cells, **OPTIONS)
    assert torch.equal(torch.get_rng_state(), random_state)
    assert warnings.filters == filters
    assert signal.getsignal(signal.SIGINT) is handler


def test_fit_gde_closes_its_bar_when_interrupted(cells, fit, break_at, capfd):
    break_at(10)
    with pytest.raises(KeyboardInterrupt):
        fit(cells, **OPTIONS, progress_bar=True)
    shown = capfd.readouterr().err
    assert shown.endswith("\n")  # closed, and left where it stopped
    assert "10/30" in shown


def _same(one, other):
    np.testing.assert_array_equal(one.uns["gde"]["model"]["state"], other.uns["gde"]["model"]["state"])
    np.testing.assert_array_equal(one.obsm["X_gde"], other.obsm["X_gde"])
    pd.testing.assert_frame_equal(one.uns["gde"]["history"], other.uns["gde"]["history"])


@pytest.mark.parametrize(("step", "validation_fraction"), [(3, 0.2), (6, 0.2), (16, 0.2), (29, 0.2), (16, 0.0)])
def test_fit_gde_resumes_where_it_stopped(cells, fit, break_at, tmp_path, step, validation_fraction):
    options = {**OPTIONS, "validation_fraction": validation_fraction}
    unbroken = cells.copy()
    fit(unbroken, **options)
    end = break_at(step)
    with pytest.raises(KeyboardInterrupt):
        fit(cells, checkpoint_dir=tmp_path, **options)
    end()
    fit(cells, checkpoint_dir=tmp_path, **options)
    _same(cells, unbroken)
    assert [path.name for path in tmp_path.iterdir()] == ["state.ckpt"]


def test_fit_gde_resumes_from_the_end_of_the_last_epoch(cells, fit, break_at, tmp_path, monkeypatch):
    break_at(16)
    with pytest.raises(KeyboardInterrupt):
        fit(cells, checkpoint_dir=tmp_path, **OPTIONS)
    monkeypatch.undo()
    steps = []
    original = SetTrainingPlan.training_step
    monkeypatch.setattr(
        SetTrainingPlan,
        "training_step",
        lambda self, batch, i: steps.append(batch.step) or original(self, batch, i),
    )
    fit(cells, checkpoint_dir=tmp_path, **OPTIONS)
    assert steps == list(range(12, 30))


@pytest.mark.parametrize("patience", [None, 1])
def test_fit_gde_that_ended_gives_the_same_numbers_again(cells, fit, tmp_path, patience):
    options = {**OPTIONS, "train_kwargs": {"steps_per_validation": 6, "patience": patience, "lr": 3.0}}
    again = cells.copy()
    fit(cells, checkpoint_dir=tmp_path, **options)
    assert (cells.uns["gde"]["history"]["step"].max() < 30) == (patience is not None)
    fit(again, checkpoint_dir=tmp_path, **options)
    _same(again, cells)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"n_latent": 5}, "n_latent"),
        ({"max_steps": 40}, "train_max_steps"),
        ({"seed": 1}, "seed"),
        ({"train_kwargs": {"steps_per_validation": 5}}, "train_steps_per_validation"),
        ({"min_cells": 1, "mask": "included"}, "data"),
    ],
    ids=str,
)
def test_fit_gde_refuses_the_state_of_another_fit(cells, fit, unchanged, tmp_path, change, named):
    fit(cells.copy(), checkpoint_dir=tmp_path, **OPTIONS)
    state = (tmp_path / "state.ckpt").read_bytes()
    with unchanged(cells), pytest.raises(ValueError, match=f"`checkpoint_dir` must hold .* got other .*'{named}'"):
        fit(cells, checkpoint_dir=tmp_path, **{**OPTIONS, **change})
    assert (tmp_path / "state.ckpt").read_bytes() == state


def test_fit_gde_refuses_the_state_of_other_features(cells, fit, tmp_path):
    fit(cells.copy(), checkpoint_dir=tmp_path, **OPTIONS)
    cells.X = cells.X + 0.01
    with pytest.raises(ValueError, match=r"got other \['data'\]"):
        fit(cells, checkpoint_dir=tmp_path, **OPTIONS)


class _Exploit:
    def __reduce__(self):
        return (warnings.warn, ("code was run",))


def _with_digest(state):
    content = io.BytesIO()
    torch.save(state, content)
    return content.getvalue() + hashlib.sha256(content.getvalue()).digest()


@pytest.mark.parametrize(
    "damage",
    [
        lambda state: b"",
        lambda state: state[: len(state) // 2],
        lambda state: state[:1000] + bytes([state[1000] ^ 1]) + state[1001:],
        lambda state: _with_digest({"state_dict": _Exploit()}),
        lambda state: _with_digest({"state_dict": {}}),
        lambda state: _with_digest([1]),
    ],
    ids=["empty", "half", "bit", "code", "parts", "list"],
)
def test_fit_gde_refuses_a_damaged_state_and_runs_no_code(cells, fit, unchanged, tmp_path, damage):
    fit(cells.copy(), checkpoint_dir=tmp_path, **OPTIONS)
    path = tmp_path / "state.ckpt"
    path.write_bytes(damage(path.read_bytes()))
    with unchanged(cells), pytest.raises(ValueError, match=r"state.ckpt' is damaged, or none of ours. Delete it"):
        fit(cells, checkpoint_dir=tmp_path, **OPTIONS)


def test_fit_gde_goes_on_without_a_state_that_cannot_be_written(cells, fit, break_at, tmp_path, monkeypatch):
    unbroken = cells.copy()
    fit(unbroken, **OPTIONS)
    end = break_at(9)
    with pytest.raises(KeyboardInterrupt):
        fit(cells, checkpoint_dir=tmp_path, **OPTIONS)
    end()
    state = (tmp_path / "state.ckpt").read_bytes()

    def full(path):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("scgde.train._state_file.replacing", full)
    with pytest.warns(UserWarning, match=r"could not be written to .*state.ckpt' \(No space left on device\)") as said:
        fit(cells, checkpoint_dir=tmp_path, **OPTIONS)
    assert len([warning for warning in said if "could not be written" in str(warning.message)]) == 1
    _same(cells, unbroken)
    assert (tmp_path / "state.ckpt").read_bytes() == state


def test_fit_gde_makes_its_checkpoint_dir_before_any_step(cells, fit, unchanged, break_at, tmp_path):
    break_at(0)
    (tmp_path / "file").write_text("mine")
    with unchanged(cells), pytest.raises(OSError, match=r"`checkpoint_dir` must be a folder, but .* cannot be made"):
        fit(cells, checkpoint_dir=tmp_path / "file" / "state", **OPTIONS)
    with pytest.raises(KeyboardInterrupt):
        fit(cells, checkpoint_dir=tmp_path / "new" / "state", **OPTIONS)
    assert list((tmp_path / "new" / "state").iterdir()) == []


def test_fit_gde_says_when_the_loss_is_not_finite(cells, fit, unchanged):
    with unchanged(cells), pytest.raises(FloatingPointError, match=r"must be finite, got .* Lower `lr`"):
        fit(cells, **{**OPTIONS, "train_kwargs": {"lr": 1e30, "gradient_clip": 0.0}})


PROGRAM = """
import sys, anndata, torch
from scgde import tl
torch.set_num_threads(int(sys.argv[4]))
adata = anndata.read_h5ad(sys.argv[1])
tl.fit_gde(adata, "set", checkpoint_dir=sys.argv[2], **eval(sys.argv[3]))
"""


@pytest.mark.slow
def test_fit_gde_of_a_killed_process_resumes_bit_for_bit(cells, fit, tiny, tmp_path):
    path, folder = tmp_path / "cells.h5ad", tmp_path / "state"
    cells.write_h5ad(path)
    before = path.read_bytes()
    options = {**tiny, **OPTIONS, "max_steps": 600}
    # Equal bits need equal threads, whose number other libraries change, such as numba in a test before.
    arguments = [str(path), str(folder), repr(options), str(torch.get_num_threads())]
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, *arguments])
    deadline = time.monotonic() + 120
    while not (folder / "state.ckpt").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert path.read_bytes() == before
    assert (folder / "state.ckpt").exists()

    unbroken = ad.read_h5ad(path)
    fit(unbroken, **options)
    fit(cells, checkpoint_dir=folder, **options)
    _same(cells, unbroken)
