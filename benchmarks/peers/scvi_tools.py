"""How many cells a second do scgde, scVI and MrVI train on, and how long does it take to embed all sets or cells?

The same counts, in one process on one thread. Rates are of CPU time and of the difference between a longer and a
shorter training, so that what a fit costs once is left out. Cells of scgde are those that encoder and decoder see.
``ratio`` is the rate of scgde over that of the peer. Models are of the default sizes: this compares costs, not quality.

    python benchmarks/peers/scvi_tools.py
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import scvi
import torch
from scvi.external import TorchMRVI

import scgde
from _common import parser, report

if TYPE_CHECKING:
    from collections.abc import Callable

    from anndata import AnnData

#: Cells of a set that a step of scgde sees: encoded, and decoded.
_CELLS_PER_SET, _SETS = 100 + 32, 16
_EPOCHS, _STEPS = (1, 3), (10, 60)


def seconds(run: Callable[[], object]) -> float:
    """CPU time of a call."""
    start = time.process_time()
    run()
    return time.process_time() - start


def of_scgde(adata: AnnData, kind: str) -> dict:
    """Rate of training, and time to embed all sets."""
    options = {"cells": kind, "sets_per_batch": _SETS, "validation_fraction": 0.1, "progress_bar": False}
    options |= {"layer": "counts"} if kind == "counts" else {}
    taken = [seconds(lambda n=n: scgde.tl.fit_gde(adata, "donor", max_steps=n, **options)) for n in _STEPS]
    n_cells = (_STEPS[1] - _STEPS[0]) * _SETS * _CELLS_PER_SET
    rate = n_cells / (taken[1] - taken[0])
    return {"model": f"scgde, {kind}", "cells_per_second": rate, "embed": seconds(lambda: scgde.tl.embed(adata, adata))}


def of_peer(adata: AnnData, name: str) -> dict:
    """Rate of training, and time to embed all cells."""
    cls = {"scVI": scvi.model.SCVI, "MrVI": TorchMRVI}[name]
    cls.setup_anndata(adata, layer="counts", **({"sample_key": "donor"} if name == "MrVI" else {}))
    options = {"accelerator": "cpu", "train_size": 0.9, "enable_progress_bar": False, "logger": False}
    taken = []
    for n in _EPOCHS:
        model = cls(adata)
        taken.append(seconds(lambda model=model, n=n: model.train(max_epochs=n, **options)))
    rate = (_EPOCHS[1] - _EPOCHS[0]) * 0.9 * adata.n_obs / (taken[1] - taken[0])
    return {"model": name, "cells_per_second": rate, "embed": seconds(model.get_latent_representation)}


def counts(n_donors: int = 30) -> AnnData:
    """A simulated cohort whose sets are larger than a batch takes of them."""
    adata = scgde.datasets.cohort(n_donors, n_genes=500, n_cells=(200, 300), seed=0)
    expected = np.expm1(np.clip(adata.X.toarray(), 0, 4))
    adata.layers["counts"] = np.random.default_rng(0).poisson(expected).astype(np.float32)
    return adata


def main() -> None:
    arguments = parser(__doc__, steps=_STEPS[1]).parse_args()
    torch.set_num_threads(arguments.threads)
    adata = counts()
    rows = [of_scgde(adata.copy(), "counts")]
    rows += [of_peer(adata.copy(), name) for name in ("scVI", "MrVI")]
    for row in rows:
        row |= {"cells": adata.n_obs, "ratio": rows[0]["cells_per_second"] / row["cells_per_second"]}
    report(rows, "peers_scvi_tools", seeds=[0])


if __name__ == "__main__":
    main()
