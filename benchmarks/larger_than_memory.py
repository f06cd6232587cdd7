"""What does a fit cost when the cells are sparse, large or on disk: memory above the data, and speed against memory?

``memory``: peak of ``tl.fit_gde`` above the cells themselves, 100,000 cells x 5,000 genes: sparse (5 % filled) in
memory and in an h5ad file, dense in memory. ``speed``: CPU seconds per step from a file relative to the same cells in
memory, steps interleaved in one process: 2 million cells x 50 features (dense), 1 million x 2,000 genes (5 % filled),
both after ``pp.write_sets``. ``growth``: CPU microseconds per cell of embeddings from a file: 10^5 to 10^7 cells, 10^2
to 10^6 sets, 50 to 2,000 features.

    python benchmarks/larger_than_memory.py memory
    python benchmarks/larger_than_memory.py speed --case dense
    python benchmarks/larger_than_memory.py speed --case sparse
    python benchmarks/larger_than_memory.py growth

Linux only: peaks are read from ``/proc``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import torch
from scipy import sparse

import scgde
from _common import report
from scgde.data import BatchSpec, CellSets, SetBatchDataset
from scgde.data.representations import Vectors
from scgde.sets import group_cells

N_DONORS = 200
#: By name: cells, features, share of values that are not zero (1: dense), in a file or in memory.
MEMORY = {
    "CSR in memory": (100_000, 5_000, 0.05, False),
    "CSR in an h5ad file": (100_000, 5_000, 0.05, True),
    "dense in memory": (100_000, 5_000, 1.0, False),
    "dense in an h5ad file": (2_000_000, 50, 1.0, True),
}
SPEED = {"dense": (2_000_000, 50, 1.0), "sparse": (1_000_000, 2_000, 0.05)}
#: What grows: cells, sets and features of each case.
GROWTH = {
    "cells": [(100_000, 1_000, 50), (1_000_000, 10_000, 50), (10_000_000, 100_000, 50)],
    "sets": [(1_000_000, n, 50) for n in (100, 10_000, 1_000_000)],
    "features": [(100_000, 1_000, n) for n in (50, 200, 500, 2_000)],
}


def cells(n_cells: int, n_features: int, filled: float, seed: int = 0) -> ad.AnnData:
    """Cells of random donors; nothing of the size of the matrix is held besides it."""
    rng = np.random.default_rng(seed)
    donor = pd.Categorical.from_codes(rng.integers(N_DONORS, size=n_cells), [f"d{i}" for i in range(N_DONORS)])
    obs = pd.DataFrame({"donor": donor}, index=pd.RangeIndex(n_cells).astype(str))
    if filled == 1:
        return ad.AnnData(rng.standard_normal((n_cells, n_features), dtype=np.float32), obs=obs)
    n_values = round(filled * n_features)
    # Random columns, increasing in each row.
    gaps = rng.integers(1, round(1 / filled) * 2 - 1, size=(n_cells, n_values), dtype=np.int32)
    columns = np.minimum(np.cumsum(gaps, axis=1, dtype=np.int32), n_features - n_values) + np.arange(
        n_values, dtype=np.int32
    )
    values = rng.integers(1, 6, size=n_cells * n_values).astype(np.float32)
    indptr = np.arange(n_cells + 1, dtype=np.int64) * n_values
    shape = (n_cells, n_features)
    return ad.AnnData(sparse.csr_matrix((values, columns.ravel(), indptr), shape=shape), obs=obs)


def n_bytes(x: np.ndarray | sparse.csr_matrix) -> int:
    """Size of a matrix in memory."""
    return x.nbytes if isinstance(x, np.ndarray) else x.data.nbytes + x.indices.nbytes + x.indptr.nbytes


def peak() -> float:
    """Largest resident memory since :func:`reset_peak`, in GB."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1e6


def reset_peak() -> float:
    """Forget earlier peaks; resident memory now, in GB."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


def memory(names: list[str]) -> None:
    """Each case in a process of its own."""
    rows = []
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, __file__, "one", "--case", name, "--folder", folder]
            if MEMORY[name][3]:
                subprocess.run([*command, "--write"], check=True)
            answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
        rows.append({"case": name, **json.loads(answer)})
    name = "_".join(["larger_than_memory", *names[0].split()]) if len(names) == 1 else "larger_than_memory"
    report(rows, name, seeds=[0])


def write(name: str, folder: Path) -> None:
    """Write the cells of a case, in a process that ends before the fit begins."""
    cells(*MEMORY[name][:3]).write_h5ad(folder / "cells.h5ad")


def one(name: str, folder: Path) -> None:
    """Peak of a fit above the data, and relative to it."""
    fit(cells(2_000, 50, 1.0))  # libraries are loaded
    if MEMORY[name][3]:
        before = reset_peak()
        adata, size = ad.read_h5ad(folder / "cells.h5ad", backed="r"), (folder / "cells.h5ad").stat().st_size / 1e9
    else:
        adata = cells(*MEMORY[name][:3])
        size, before = n_bytes(adata.X) / 1e9, reset_peak()
    start = time.perf_counter()
    fit(adata)
    seconds, above = time.perf_counter() - start, peak() - before
    of_data = 1 + above / size if not MEMORY[name][3] else above / size
    row = {"data_gb": size, "above_gb": above, "peak_of_data": of_data, "seconds": seconds}
    print(json.dumps({key: round(value, 2) for key, value in row.items()}))


def fit(adata: ad.AnnData) -> None:
    """As a user would, in few steps and with few validation sets, which are scored at the end."""
    options = {"max_steps": 6, "validation_fraction": 0.02, "train_kwargs": {"steps_per_validation": 3}}
    scgde.tl.fit_gde(adata, "donor", progress_bar=False, **options)


def speed(name: str, n_steps: int) -> None:
    """Training steps on cells of one kind from a file and from memory, in turn."""
    report([_speed(*SPEED[name], n_steps=n_steps)], f"larger_than_memory_{name}", seeds=[0])


def _speed(n_cells: int, n_features: int, filled: float, *, n_steps: int) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "sets.h5ad")
        scgde.pp.write_sets(cells(n_cells, n_features, filled), path, "donor")
        data = {"file": ad.read_h5ad(path, backed="r"), "memory": ad.read_h5ad(path)}
        steps = {name: _step(adata) for name, adata in data.items()}
        seconds: dict[str, list[dict]] = {name: [] for name in steps}
        for step in range(n_steps):
            for name, take in steps.items():
                seconds[name].append(take(step))
    milliseconds = {
        f"{part}_{name}_ms": 1e3 * np.median([one[part] for one in values[2:]])
        for name, values in seconds.items()
        for part in ("gather", "step")
    }
    ratio = milliseconds["step_memory_ms"] / milliseconds["step_file_ms"]
    shape = {"cells": n_cells, "features": n_features, "filled": filled}
    return shape | {key: round(value, 2) for key, value in milliseconds.items()} | {"speed": round(ratio, 3)}


def _step(adata: ad.AnnData):
    """A function of the step that draws, reads and learns from a batch, and says how long that took."""
    grouping = group_cells(adata.obs, "donor")
    sets = CellSets.from_grouping(adata, grouping, Vectors.from_adata(adata, use_rep="X", layer=None))
    batches = SetBatchDataset(sets.index, np.arange(N_DONORS), BatchSpec(), steps=range(10**6), seed=0)
    module = scgde.model.GDE.from_cell_sets(sets).module.train()
    optimizer = torch.optim.AdamW(module.parameters())

    def take(step: int) -> dict:
        start = time.process_time()
        batch = batches[step]
        views = (
            view._replace(x=store.gather(view.x))
            for view, store in ((batch.encoder, sets.encoder.store), (batch.target, sets.target.store))
        )
        batch = batch._replace(**dict(zip(("encoder", "target"), views, strict=True)))
        gathered = time.process_time()
        optimizer.zero_grad()
        module(batch)[-1].loss.backward()
        optimizer.step()
        return {"gather": gathered - start, "step": time.process_time() - start}

    return take


def growth() -> None:
    """Microseconds per cell of embeddings from an npy file, as cells, sets and features grow, one at a time."""
    rows = []
    for grows, cases in GROWTH.items():
        for n_cells, n_sets, n_features in cases:
            sizes = {"cells": n_cells, "sets": n_sets, "features": n_features}
            rows.append({"grows": grows, **sizes, "microseconds_per_cell": _embedding_time(**sizes)})
            print(rows[-1], flush=True)
    report(rows, "larger_than_memory_growth", seeds=[0])


def _embedding_time(*, cells: int, sets: int, features: int) -> float:
    model, rng = scgde.model.GDE(cells=scgde.nn.CellSpec.vectors(features)), np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        x = np.lib.format.open_memmap(Path(folder, "x.npy"), mode="w+", dtype=np.float32, shape=(cells, features))
        for start in range(0, cells, 10_000):
            x[start : start + 10_000] = rng.standard_normal((10_000, features), dtype=np.float32)
        codes = rng.permutation(np.arange(cells) % sets)
        start = time.process_time()
        model.embed(np.load(Path(folder, "x.npy"), mmap_mode="r"), codes)
        return round((time.process_time() - start) / cells * 1e6, 2)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("question", choices=["memory", "speed", "growth", "one"])
    options.add_argument("--steps", type=int, default=20)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--case", help="the cells of `speed`: dense or sparse; one case of `memory`")
    options.add_argument("--folder", type=Path)
    options.add_argument("--write", action="store_true")
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.question == "one":
        (write if arguments.write else one)(arguments.case, arguments.folder)
    elif arguments.question == "speed":
        speed(arguments.case, arguments.steps)
    elif arguments.question == "memory":
        memory([arguments.case] if arguments.case else list(MEMORY))
    else:
        growth()


if __name__ == "__main__":
    main()
