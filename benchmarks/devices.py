"""What does a training step wait for, and do two devices do what one does?

``steps``: events of the profiler in a step, as the difference of a fit of 40 and one of 20 steps: values that are read
by the host (each of which a GPU would be waited for), operators, and on a GPU launches and synchronisations; and time.
``two``: a fit on two processes (gloo) against one that accumulates two batches a step: largest difference of weights
and of the validation loss, and the last step of each.

    python benchmarks/devices.py steps
    python benchmarks/devices.py two
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile

import scgde
from _common import report

#: Names of the profiler by column.
EVENTS = {
    "values_read": ("aten::_local_scalar_dense", "aten::nonzero"),
    "launches": ("cudaLaunchKernel",),
    "synchronisations": ("cudaStreamSynchronize", "cudaDeviceSynchronize"),
}
MODELS = {
    "GDE": {"moments": False},
    "GDE, moments": {"moments": True},
    "GDE, isometry": {"moments": False, "isometry": 0.5},
}
FITS = {"two processes": {"devices": 2}, "two batches a step": {"train_kwargs": {"accumulate_grad_batches": 2}}}


def fit(max_steps: int, *, train_kwargs: dict | None = None, **options: object) -> scgde.model.GDE:
    """A fit on 200 sets without stopping."""
    adata = scgde.datasets.gaussian_sets(200, (50, 200), 20, df=40, seed=0)
    train = {"steps_per_validation": 20, **(train_kwargs or {})}
    return scgde.tl.fit_gde(adata, "set", max_steps=max_steps, progress_bar=False, train_kwargs=train, **options)


def events(max_steps: int, options: dict) -> tuple[Counter, float]:
    """How often each event of the profiler came, and seconds."""
    activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * torch.cuda.is_available()
    start = time.perf_counter()
    with profile(activities=activities) as profiler:
        fit(max_steps, **options)
    return Counter({event.key: event.count for event in profiler.key_averages()}), time.perf_counter() - start


def steps() -> None:
    """Events in a step of each model."""
    rows = []
    for name, options in MODELS.items():
        fit(2, **options)
        (few, seconds), (many, more) = events(20, options), events(40, options)
        found = {column: sum(many[key] - few[key] for key in keys) / 20 for column, keys in EVENTS.items()}
        operators = sum(many[key] - few[key] for key in many if key.startswith("aten::")) / 20
        rows.append({"model": name, **found, "operators": operators, "profiled_ms": 1e3 * (more - seconds) / 20})
    report(rows, "devices_steps", seeds=[0])


def two() -> None:
    """Both fits, each in processes of its own."""
    with tempfile.TemporaryDirectory() as folder:
        for name in FITS:
            command = [sys.executable, __file__, "one", "--fit", name, "--folder", folder]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        found = {path.stem: dict(np.load(path)) for path in Path(folder).glob("*.npz")}
    one = found.pop("two batches a step.0")
    rows = [
        {
            "process": name,
            "weights": np.abs(other["weights"] - one["weights"]).max(),
            "validation_loss": np.nanmax(np.abs(other["validation_loss"] - one["validation_loss"])),
            "last_step": int(other["step"][-1]),
            "last_step_of_one": int(one["step"][-1]),
        }
        for name, other in sorted(found.items())
    ]
    report(rows, "devices_two", seeds=[0], accelerator="cpu")


def one(name: str, folder: Path) -> None:
    """Weights and history of one fit, on the CPU."""
    model = fit(60, accelerator="cpu", isometry=0.5, **FITS[name])
    weights = np.concatenate([value.numpy().ravel() for value in model.module.state_dict().values()])
    place = folder / f"{name}.{os.environ.get('LOCAL_RANK', 0)}.npz"
    np.savez(place, weights=weights, **{column: model.history[column] for column in model.history})


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("question", choices=["steps", "two", "one"])
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--fit", choices=FITS)
    options.add_argument("--folder", type=Path)
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.question == "one":
        one(arguments.fit, arguments.folder)
    else:
        {"steps": steps, "two": two}[arguments.question]()


if __name__ == "__main__":
    main()
