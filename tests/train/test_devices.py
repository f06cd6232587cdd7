"""Two processes on the CPU (gloo) do what two GPUs do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow
SCRIPT = Path(__file__).parent / "fit_on_devices.py"
TWO = {"devices": 2, "strategy": "ddp"}
ACCUMULATED = {"train_kwargs": {"accumulate_grad_batches": 2}}
#: A rate at which validation soon gets worse.
STOPPING = {"lr": 0.3, "patience": 1}


def run(folder, name, **options):
    command = [sys.executable, str(SCRIPT), str(folder), name, json.dumps(options)]
    return subprocess.run(command, capture_output=True, text=True, timeout=400)


def fit(folder, name, **options):
    """What each process of a fit has at the end."""
    done = run(folder, name, **options)
    assert done.returncode == 0, done.stderr
    return [dict(np.load(path)) for path in sorted(folder.glob(f"{name}.*.npz"))]


def assert_same_fit(one, other):
    np.testing.assert_array_equal(one["step"], other["step"])
    for name in ("weights", "train_loss", "validation_loss"):
        np.testing.assert_allclose(one[name], other[name], rtol=1e-5, atol=1e-5)


@pytest.fixture(scope="module")
def accumulated(tmp_path_factory):
    return fit(tmp_path_factory.mktemp("one"), "one", **ACCUMULATED)[0]


def test_two_devices_do_what_one_does_with_two_batches_a_step(accumulated, tmp_path):
    first, second = fit(tmp_path, "two", **TWO)
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name])
    assert first["step"][-1] == 48
    assert_same_fit(first, accumulated)


def test_a_notebook_strategy_runs_the_script_once(accumulated, tmp_path):
    (alone,) = fit(tmp_path, "fork", devices=2, strategy="ddp_fork")
    assert_same_fit(alone, accumulated)


def test_two_devices_stop_at_the_same_step(tmp_path):
    first, second = fit(tmp_path, "two", **TWO, train_kwargs=STOPPING)
    one = fit(tmp_path, "one", train_kwargs={**STOPPING, **ACCUMULATED["train_kwargs"]})[0]
    assert first["step"][-1] == second["step"][-1] == one["step"][-1] < 48


def test_a_loss_that_is_not_finite_on_one_device_ends_both(tmp_path):
    done = run(tmp_path, "nan", **TWO, broken=["1", 20])
    assert done.returncode != 0
    assert done.stderr.count("FloatingPointError: The training loss must be finite, got nan at step 12") == 2


def test_a_fit_that_was_killed_on_two_devices_goes_on_with_one(tmp_path):
    options = {"checkpoint_dir": str(tmp_path / "state")}
    assert run(tmp_path, "killed", **TWO, **options, killed=40).returncode != 0
    (resumed,) = fit(tmp_path, "resumed", **options)
    assert (resumed["step"][0], resumed["step"][-1]) == (6, 48)
    assert np.isfinite(resumed["weights"]).all()
