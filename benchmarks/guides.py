"""Do distances between guides tell which do something, and which have one target?

Guides of the ECCITE screen with 20 cells or more. Per distance: Spearman correlation of the distances to the
non-targeting guides with the unbiased energy distance, over guides; area under the ROC curve of pairs of guides with
one target against all other pairs, over all targets and over those that respond, a fixed list; and the correlation of
the mean distance of a guide with its number of cells, which should be none. *Noise subtracted*: squared distances minus
the variance of both ends.

    python benchmarks/guides.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anndata as ad
import numpy as np
import pandas as pd
import scanpy as sc
import torch
from scipy.spatial.distance import pdist, squareform
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

import scgde
from _common import data_path, parser, report, timed
from perturbations import N_COMPONENTS, RESPONDING

if TYPE_CHECKING:
    from collections.abc import Sequence

CONTROL, MIN_CELLS, MAX_CELLS = "non-targeting", 20, 150
#: Distances of embeddings, and whether their noise is subtracted.
EMBEDDING = ("embedding", "embedding, noise subtracted")


def read() -> ad.AnnData:
    """Cells with one guide, log-normalised, with principal components."""
    adata = ad.read_h5ad(data_path("papalexi_eccite_thp1.h5ad"))
    size = adata.obs["grna"].map(adata[adata.obs["grna_frac"] > 0.5].obs["grna"].value_counts())
    adata = adata[(adata.obs["grna_frac"] > 0.5) & (size.astype(float) >= MIN_CELLS)].copy()
    sc.pp.normalize_total(adata)
    sc.pp.log1p(adata)
    sc.pp.pca(adata, n_comps=N_COMPONENTS, random_state=0)
    return adata


def energy_distances(x: Sequence[np.ndarray]) -> np.ndarray:
    """Unbiased energy distance of each pair of sets, shape ``(S, S)``."""
    distance = np.zeros((len(x), len(x)))
    for i in range(len(x)):
        for j in range(i):
            distance[i, j] = distance[j, i] = scgde.metrics.energy_distance(x[i], x[j], unbiased=True)
    return distance


def simple_distances(adata: ad.AnnData, rows: Sequence[np.ndarray], scale: float) -> dict[str, np.ndarray]:
    """Of pseudobulks and of means of components, shape ``(S, S)`` each."""
    genes = np.asarray(adata.X.toarray() if hasattr(adata.X, "toarray") else adata.X)
    bulk = np.stack([genes[part].mean(axis=0) for part in rows])
    components = adata.obsm["X_pca"] / scale
    means = np.stack([components[part].mean(axis=0) for part in rows])
    noise = np.array([components[part].var(axis=0).sum() / len(part) for part in rows])
    return {
        "pseudobulk": squareform(pdist(bulk)),
        "pseudobulk, cosine of the deviation from the mean": squareform(pdist(bulk - bulk.mean(axis=0), "cosine")),
        "means of components": squareform(pdist(means)),
        "means of components, noise subtracted": without_noise(means, noise),
    }


def without_noise(values: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Squared distances minus the variance of both ends, shape ``(S, S)``."""
    return squareform(pdist(values, "sqeuclidean")) - noise[:, None] - noise


def embedding_distances(adata: ad.AnnData, names: Sequence[str], steps: int, seed: int) -> dict[str, np.ndarray]:
    """Of embeddings with an isometry term, shape ``(S, S)`` each."""
    scgde.tl.fit_gde(
        adata,
        "grna",
        min_cells=MIN_CELLS,
        isometry=0.1,
        max_steps=steps,
        sets_per_batch=32,
        set_size=64,
        seed=seed,
        accelerator="cpu",
        progress_bar=False,
        train_kwargs={"target_size": 16},
    )
    scgde.tl.uncertainty(adata)
    order = adata.uns["gde"]["sets"].index.get_indexer(pd.Index(names))
    z = adata.uns["gde"]["embedding"][order].astype(float)
    noise = np.trace(np.asarray(adata.uns["gde"]["covariance"])[order], axis1=1, axis2=2)
    return dict(zip(EMBEDDING, (squareform(pdist(z)), without_noise(z, noise)), strict=True))


def scores(distance: np.ndarray, energy: np.ndarray, target: np.ndarray, n_cells: np.ndarray) -> dict[str, float]:
    """All scores of a distance between guides."""
    control = target == CONTROL
    first, second = np.triu_indices(len(target), 1)
    same = target[first] == target[second]
    tested = ~control[first] & ~control[second]
    responding = tested & np.isin(target[first], RESPONDING) & np.isin(target[second], RESPONDING)
    to_control = [part[~control][:, control].mean(axis=1) for part in (distance, energy)]
    nearness = -distance[first, second]
    return {
        "spearman_with_energy": spearmanr(*to_control)[0],
        "auc_same_target": roc_auc_score(same[tested], nearness[tested]),
        "auc_same_target_responding": roc_auc_score(same[responding], nearness[responding]),
        "spearman_with_n_cells": spearmanr(distance.mean(axis=1), n_cells)[0],
    }


def main() -> None:
    arguments = parser(__doc__, steps=300).parse_args()
    torch.set_num_threads(arguments.threads)
    adata = read()
    names = sorted(adata.obs["grna"].astype(str).unique())
    rows = [np.flatnonzero((adata.obs["grna"] == name).to_numpy()) for name in names]
    target = np.array([str(adata.obs["target"].iloc[part[0]]) for part in rows])
    n_cells = np.array([len(part) for part in rows])
    scale = float(np.sqrt(adata.obsm["X_pca"].var(axis=0).mean()))
    rng = np.random.default_rng(0)
    some = [adata.obsm["X_pca"][rng.permutation(part)[:MAX_CELLS]] / scale for part in rows]
    energy = energy_distances(some)
    table = []
    for seed in arguments.seeds:
        record: dict = {"seed": seed, "guides": len(names)}
        with timed(record):
            of_embeddings = embedding_distances(adata, names, arguments.steps, seed)
        distances = {"energy distance": energy, **simple_distances(adata, rows, scale), **of_embeddings}
        for name, distance in distances.items():
            found = scores(distance, energy, target, n_cells)
            table.append({"arm": name, **record, **{key: round(float(value), 4) for key, value in found.items()}})
    result = report(table, arguments.name or "guides", accelerator="cpu")
    print("\nmedian over seeds\n", result.drop(columns="seed").groupby("arm", sort=False).median().round(3).to_string())


if __name__ == "__main__":
    main()
