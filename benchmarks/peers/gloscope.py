"""How much of five known attributes of 60 simulated donors do distances by GloScope preserve, and what do they cost?

GloScope is the symmetric Kullback-Leibler divergence of the cells of two donors, estimated from nearest neighbours,
here as patpy computes it. The cohorts, the features (30 principal components) and the scores are those of
``benchmarks/cohort_attributes.py``, which has scgde and simple baselines. The energy distance of scgde is computed
next to it, in the same process. ``seconds``: CPU seconds for all pairs of donors, on one thread.

    pip install patpy
    python benchmarks/peers/gloscope.py
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import pandas as pd
import patpy
import torch

import scgde
from _common import parser, report
from cohort_attributes import features
from scgde.datasets._cohort import ATTRIBUTES
from scgde.metrics import METRICS
from scgde.metrics._between_sets import between_sets
from scgde.tl._evaluate_embedding import _row, _tasks

if TYPE_CHECKING:
    from anndata import AnnData

_N_NEIGHBORS, _N_PERMUTATIONS, _N_DRAWS = 3, 99, 2


def gloscope(adata: AnnData) -> pd.DataFrame:
    """Distances of donors by patpy, with its defaults."""
    method = patpy.tl.GloScope_py("donor", layer="features")
    method.prepare_anndata(adata)
    return pd.DataFrame(np.asarray(method.calculate_distance_matrix()), method.samples, method.samples)


def energy(adata: AnnData) -> pd.DataFrame:
    """The same by the energy distance."""
    donors = adata.obs["donor"].cat.categories
    cells = [adata.obsm["features"][(adata.obs["donor"] == name).to_numpy()] for name in donors]
    square = between_sets(cells, METRICS["energy"].prepare_all_pairs(adata.obsm["features"]))
    return pd.DataFrame(np.sqrt(np.maximum(square, 0)), donors, donors)


METHODS = {"GloScope (patpy)": gloscope, "energy distance (scgde)": energy}


def scores(distances: pd.DataFrame, donors: pd.DataFrame) -> dict[str, float]:
    """Normalised score of each attribute by the nearest donors."""
    found, matrix = {}, np.nan_to_num(distances.loc[donors.index, donors.index].to_numpy(), nan=np.inf)
    for name in ATTRIBUTES:
        task = _tasks("label_key", donors[name], _N_NEIGHBORS, ["neighbors"])[0]
        row = _row(task, matrix, _N_PERMUTATIONS, _N_DRAWS, np.array([0.0, 1.0]), np.random.default_rng(0))
        found[name] = round(row["normalized"], 3)
    return found


def main() -> None:
    arguments = parser(__doc__, steps=None).parse_args()
    torch.set_num_threads(arguments.threads)
    rows = []
    for seed in arguments.seeds:
        adata = scgde.datasets.cohort(seed=seed)
        features(adata, "pca", 30)
        donors = adata.obs.drop_duplicates("donor").set_index("donor")
        for name, method in METHODS.items():
            start = time.process_time()
            distances = method(adata.copy())
            seconds = round(time.process_time() - start, 2)
            rows.append({"method": name, "seed": seed, "seconds": seconds} | scores(distances, donors))
            print(rows[-1], flush=True)
    report(rows, arguments.name or "peers_gloscope")


if __name__ == "__main__":
    main()
