"""What every experiment needs: where the data is, what machine this is, how a table is printed and kept."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anndata as ad
import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterator

RESULTS = Path(__file__).parent / "results"


def data_path(name: str) -> Path:
    """A real dataset under ``$SCGDE_DATA``, by default ``../shared/data``; exits where it is absent."""
    folder = Path(os.environ.get("SCGDE_DATA", Path(__file__).parents[2] / "shared" / "data"))
    path = folder / name
    if not path.exists():
        sys.exit(f"{name} is not in {folder}. Set SCGDE_DATA to the folder that holds it.")
    return path


def parser(description: str | None, *, steps: int) -> argparse.ArgumentParser:
    """Options that the experiments share."""
    options = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--steps", type=int, default=steps, help="optimiser steps of each fit")
    options.add_argument("--seeds", type=int, default=3, help="number of seeds")
    options.add_argument("--threads", type=int, default=1, help="CPU threads")
    return options


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


def report(rows: list[dict], name: str) -> pd.DataFrame:
    """Print a table and keep it as ``results/<name>.csv``."""
    table = pd.DataFrame(rows)
    RESULTS.mkdir(exist_ok=True)
    table.to_csv(RESULTS / f"{name}.csv", index=False)
    print(table.to_string(index=False))
    print(f"\nmachine: {platform.machine()}, {os.cpu_count()} CPUs; written to {RESULTS / name}.csv")
    return table
