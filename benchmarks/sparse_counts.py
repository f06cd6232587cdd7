"""Are sparse counts of many cells fitted without being made dense, and how long does a step take?

100,000 cells x 5,000 genes, 8 % of the counts not zero, 200 sets; a fit with ``cells="counts"`` from CSR, CSC, and a
file on disk, each in a process of its own. Peak memory includes the libraries and the making of the matrix. The largest
dense array of counts is counted where sparse matrices are made dense, and must stay below a tenth of the whole.

    python benchmarks/sparse_counts.py
"""

from __future__ import annotations

import argparse
import resource
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

LAYOUTS = ("csr", "csc", "backed")
N_SETS, DENSITY, MAX_SHARE = 200, 0.08, 0.1


def simulated(n_cells: int, n_genes: int) -> ad.AnnData:
    """Counts with as many genes in each cell, of which a gene is drawn by its share; sets differ in some."""
    rng = np.random.default_rng(0)
    n_per_cell = int(DENSITY * n_genes)
    genes = (n_genes * rng.random((n_cells, n_per_cell)) ** 1.5).astype(np.int32)
    genes.sort(axis=1)
    data = rng.poisson(1.0, genes.size).astype(np.float32) + 1
    counts = sparse.csr_matrix((data, genes.ravel(), np.arange(0, genes.size + 1, n_per_cell)), (n_cells, n_genes))
    counts.sum_duplicates()
    sets = pd.Categorical([f"set_{i % N_SETS:03d}" for i in range(n_cells)])
    return ad.AnnData(counts, obs=pd.DataFrame({"donor": sets}, index=np.arange(n_cells).astype(str)))


def largest_dense() -> list[int]:
    """Values of each array that a sparse matrix is made, from now on."""
    made, toarray = [], sparse.csr_matrix.toarray

    def counted(self, *args, **options):
        made.append(int(np.prod(self.shape)))
        return toarray(self, *args, **options)

    sparse.csr_matrix.toarray = counted
    return made


def opened(layout: str, n_cells: int, n_genes: int, folder: str) -> ad.AnnData:
    """The data in a layout."""
    adata = simulated(n_cells, n_genes)
    if layout == "csc":
        adata.X = adata.X.tocsc()
    elif layout == "backed":
        adata.write_h5ad(Path(folder) / "counts.h5ad")
        adata = ad.read_h5ad(Path(folder) / "counts.h5ad", backed="r")
    return adata


def one(layout: str, n_cells: int, n_genes: int, steps: int) -> None:
    """Peak memory in GB, seconds of the whole fit and of a step, and the share that was dense at once."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        adata = opened(layout, n_cells, n_genes, folder)
        made, seconds = largest_dense(), []
        for n in (1, steps + 1):
            start = time.process_time()
            scgde.tl.fit_gde(
                adata,
                "donor",
                cells="counts",
                max_steps=n,
                validation_fraction=0,
                progress_bar=False,
                accelerator="cpu",
            )
            seconds.append(time.process_time() - start)
        cells = scgde.tl.generate(adata, ["set_000"], n_cells=500)
        assert sparse.issparse(cells.X)
    share = max(made) / (n_cells * n_genes)
    assert share < MAX_SHARE, f"{share:.0%} of the counts were dense at once"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e9 if sys.platform == "darwin" else 1e6)
    print(f"{peak:.2f} {seconds[1]:.1f} {(seconds[1] - seconds[0]) / steps:.3f} {share:.4f}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--one", choices=LAYOUTS, help="only this layout, in this process")
    options.add_argument("--cells", type=int, default=100_000)
    options.add_argument("--genes", type=int, default=5_000)
    options.add_argument("--steps", type=int, default=100)
    options.add_argument("--name", default="sparse_counts")
    arguments = options.parse_args()
    sizes = {"n_cells": arguments.cells, "n_genes": arguments.genes, "steps": arguments.steps}
    if arguments.one:
        one(arguments.one, **sizes)
        return
    rows = []
    for layout in LAYOUTS:
        shared = [f"--{name.removeprefix('n_')}={value}" for name, value in sizes.items()]
        command = [sys.executable, __file__, "--one", layout, *shared]
        answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        names = ("peak_gb", "cpu_seconds", "cpu_seconds_per_step", "dense_share")
        rows.append({"layout": layout, **sizes, **dict(zip(names, map(float, answer[-4:]), strict=True))})
        print(rows[-1], flush=True)
    report(rows, arguments.name, seeds=[0])


if __name__ == "__main__":
    main()
