"""Shared by all benchmarks: data, command line options, and the writer of results with their provenance."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import anndata as ad
import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterator

RESULTS = Path(__file__).resolve().parent / "results"
#: Seconds are counted from the import of this module, which every benchmark does first.
START = time.perf_counter()


def data_path(name: str) -> Path:
    """A real dataset under ``$SCGDE_DATA``, by default ``../shared/data``; exits where it is absent."""
    folder = Path(os.environ.get("SCGDE_DATA", Path(__file__).parents[2] / "shared" / "data"))
    path = folder / name
    if not path.exists():
        sys.exit(f"{name} is not in {folder}. Set SCGDE_DATA to the folder that holds it.")
    return path


def parser(description: str | None, *, steps: int | None) -> argparse.ArgumentParser:
    """Options that the experiments share; without ``steps`` fits take their own default."""
    options = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--steps", type=int, default=steps, help="optimiser steps of each fit; by default %(default)s")
    options.add_argument(
        "--seeds", type=seeds, default=seeds("3"), help="number of seeds, or the first and the end: 3:5"
    )
    options.add_argument("--threads", type=int, default=1, help="CPU threads")
    options.add_argument("--name", help="of the results file; by default that of the benchmark")
    return options


def seeds(text: str) -> range:
    """`"3"` is the seeds 0, 1, 2, and `"3:5"` the seeds 3 and 4."""
    first, _, end = text.rpartition(":")
    return range(int(first or 0), int(end))


def igan_donors() -> ad.AnnData:
    """Glomeruli of 634 patients: log1p(x - min), each feature z-scored."""
    adata = ad.read_h5ad(data_path("igan_glomeruli_pilot.h5ad"))
    x = np.asarray(adata.X, dtype=np.float64)
    x = np.log1p(x - x.min(axis=0))
    adata.X = ((x - x.mean(axis=0)) / x.std(axis=0)).astype(np.float32)
    return adata


def larry_clones() -> ad.AnnData:
    """LARRY in vitro, clone by day; coordinates on one common scale, cells without a clone left out of the sets."""
    adata = ad.read_h5ad(data_path("larry_invitro_spring.h5ad"))
    x = np.asarray(adata.X, dtype=np.float64)
    adata.X = ((x - x.mean(axis=0)) / x.std()).astype(np.float32)
    clone = adata.obs["clone_id"].astype(int)
    adata.obs["clone_id"] = clone.where(clone >= 0)
    return adata


#: Reader, columns that name a set, smallest set.
DATA = {"igan": (igan_donors, ["donor"], 2), "larry": (larry_clones, ["clone_id", "day"], 10)}


def gaussian_cells(mean: np.ndarray, covariance: np.ndarray, n_cells: int, rng: np.random.Generator) -> np.ndarray:
    """Cells of Gaussians ``(S, G)`` and ``(S, G, G)``, shape ``(S, n_cells, G)``."""
    noise = rng.standard_normal((len(mean), n_cells, mean.shape[1]))
    return mean[:, None] + noise @ np.linalg.cholesky(covariance).swapaxes(1, 2)


@contextmanager
def timed(record: dict) -> Iterator[None]:
    """Put the seconds of the block under ``record["seconds"]``."""
    start = time.perf_counter()
    yield
    record["seconds"] = round(time.perf_counter() - start, 1)


def report(rows: list[dict], name: str, *, seeds: list[int] | None = None, accelerator: str = "auto") -> pd.DataFrame:
    """Print a table, and write it as ``results/<name>.csv`` with its provenance in ``results/<name>.json``.

    Seeds are those of a column ``seed``, or ``seeds`` where there is none.
    """
    table = pd.DataFrame(rows)
    RESULTS.mkdir(exist_ok=True)
    table.to_csv(RESULTS / f"{name}.csv", index=False)
    if "seed" in table:
        seeds = sorted(int(seed) for seed in table["seed"].dropna().unique())
    record = provenance(seeds, accelerator)
    (RESULTS / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")
    print(table.to_string(index=False))
    print(f"\n{record['device']}, {record['seconds']} s; written to {RESULTS / name}.csv")
    return table


def provenance(seeds: list[int] | None, accelerator: str) -> dict:
    """How a table came about: command, commit, date, device, seconds since the start, seeds and versions."""
    return {
        "command": shlex.join(["python", _script(Path(sys.argv[0]).resolve()), *sys.argv[1:]]),
        "commit": commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": device(accelerator),
        "seconds": round(time.perf_counter() - START, 1),
        "seeds": seeds,
        "versions": {name: version(name) for name in ("scgde", "torch", "numpy")},
        "recorded": "at run time",
    }


def _script(path: Path) -> str:
    """Path of a benchmark from the root of the project."""
    folder = RESULTS.parent
    return f"benchmarks/{path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name}"


def commit() -> str | None:
    """Short hash of the checked out commit, with a mark where the code differs from it."""
    run = partial(subprocess.run, cwd=RESULTS.parent, capture_output=True, text=True, check=False)
    head = run(["git", "rev-parse", "--short", "HEAD"]).stdout.strip()
    changed = run(["git", "status", "--porcelain", "--", "../src", "*.py"]).stdout.strip()
    return f"{head}, with uncommitted changes" if head and changed else head or None


def device(accelerator: str) -> str:
    """The GPU, where there is one and fits may use it, else the CPU and the number of threads."""
    import torch

    if accelerator == "auto" and torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"CPU {_cpu_model()}, {torch.get_num_threads()} thread{'s' * (torch.get_num_threads() > 1)}"


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
