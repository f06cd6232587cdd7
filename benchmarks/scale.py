"""How much memory does a very large set take, and how much time do standard errors take relative to a fit?

``memory``: one set of 2 million cells x 50 features, embedded chunk by chunk by each encoder of means, in a process of
its own; its peak memory (the cells themselves are 0.4 GB of it), and for 500,000 of them the largest relative
difference to a single forward pass. ``time``: ``tl.fit_gde`` and ``tl.uncertainty`` on the 634 IgAN donors, in one run.

    python benchmarks/scale.py memory
    python benchmarks/scale.py time
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time

import numpy as np
import torch

import scgde
from _common import igan_donors, report
from scgde.nn.cells import CellSpec
from scgde.nn.encoders import ENCODERS, MeanPoolingEncoder

N_FEATURES = 50
#: As many as fit in one pass through every encoder.
N_AT_ONCE = 500_000
MEAN_POOLING = [name for name in ENCODERS if issubclass(ENCODERS[name], MeanPoolingEncoder)]


def memory(n_cells: int) -> None:
    """Embed a large set with each encoder, each time in a fresh process."""
    rows = []
    for name in MEAN_POOLING:
        command = [sys.executable, __file__, "one", "--encoder", name, "--cells", str(n_cells)]
        answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        peak, seconds, difference = map(float, answer[-3:])
        rows.append({"encoder": name, "cells": n_cells, "peak_gb": peak, "seconds": seconds, "difference": difference})
    report(rows, "scale_memory", seeds=[0])


def one(encoder: str, n_cells: int) -> None:
    """Peak memory in GB and seconds of the embedding, then the difference to one pass."""
    cells = np.random.default_rng(0).standard_normal((n_cells, N_FEATURES), dtype=np.float32)
    model = scgde.model.GDE(cells=CellSpec.vectors(N_FEATURES), encoder=encoder)
    start = time.perf_counter()
    model.embed(cells, np.zeros(n_cells, dtype=int))
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e9 if sys.platform == "darwin" else 1e6)
    some = cells[:N_AT_ONCE]
    in_chunks = model.embed(some, np.zeros(len(some), dtype=int))
    with torch.no_grad():
        at_once = model.module.embed(torch.from_numpy(some)[None], torch.full((1, len(some)), 1 / len(some))).numpy()
    difference = np.abs(in_chunks - at_once).max() / np.abs(at_once).max()
    print(f"{peak:.2f} {seconds:.1f} {difference:.1e}")


def timing(threads: int) -> None:
    """Seconds of a fit and of the standard errors of its embeddings."""
    torch.set_num_threads(threads)
    adata = igan_donors()
    start = time.perf_counter()
    scgde.tl.fit_gde(adata, "donor", min_cells=1, progress_bar=False)
    fitted = time.perf_counter()
    scgde.tl.uncertainty(adata)
    done = time.perf_counter()
    seconds = {"fit": round(fitted - start, 1), "uncertainty": round(done - fitted, 1)}
    ratio = round((done - fitted) / (fitted - start), 4)
    report([{"sets": len(adata.uns["gde"]["sets"]), **seconds, "ratio": ratio}], "scale_time", seeds=[0])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("question", choices=["memory", "time", "one"])
    options.add_argument("--cells", type=int, default=2_000_000)
    options.add_argument("--encoder", default="pooled_gnn")
    options.add_argument("--threads", type=int, default=1)
    arguments = options.parse_args()
    if arguments.question == "memory":
        memory(arguments.cells)
    elif arguments.question == "one":
        one(arguments.encoder, arguments.cells)
    else:
        timing(arguments.threads)


if __name__ == "__main__":
    main()
