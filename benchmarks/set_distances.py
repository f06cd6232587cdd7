"""Do distances of embeddings find what distances of means and of cells find?

`donors` (OneK1K) and `patients` (IgAN): each is parted into two halves; a fit knows one half of each. Share of the
other halves whose nearest half is that of their own donor. `guides`: sets of the cells that received one guide
(Papalexi). Spearman correlation, over pairs of guides, with the unbiased energy distance of the same cells.

Rivals are distances between means of the features, in units of the covariance within sets, and of cells.

    python benchmarks/set_distances.py
"""

from __future__ import annotations

import anndata as ad
import numpy as np
import scanpy as sc
import torch
from scipy.spatial.distance import cdist
from scipy.stats import spearmanr

import scgde
from _common import data_path, igan_donors, parser, report, timed

MIN_CELLS, N_COMPONENTS = 20, 30
METRICS = ("embedding", "noise_corrected")


def principal_components(name: str) -> ad.AnnData:
    """Components of log-normalised counts, and `obs`."""
    adata = ad.read_h5ad(data_path(name))
    sc.pp.normalize_total(adata)
    sc.pp.log1p(adata)
    sc.pp.pca(adata, n_comps=N_COMPONENTS)
    return ad.AnnData(obs=adata.obs, obsm={"X_pca": adata.obsm["X_pca"].astype(np.float32)})


def donors(seed: int) -> ad.AnnData:
    """Donors of OneK1K in halves."""
    return in_halves(principal_components("onek1k_subset_40donors.h5ad"), seed)


def patients(seed: int) -> ad.AnnData:
    """Patients of IgAN with glomeruli for two halves, in halves; the features are all that there are."""
    adata = igan_donors()
    size = adata.obs["donor"].map(adata.obs["donor"].value_counts()).to_numpy()
    adata = adata[size >= 2 * MIN_CELLS]
    return in_halves(ad.AnnData(obs=adata.obs, obsm={"X_pca": adata.X}), seed)


def in_halves(adata: ad.AnnData, seed: int) -> ad.AnnData:
    """Halves of donors, one of each to train on."""
    shuffled = np.random.default_rng(seed).permutation(adata.n_obs)
    rank = adata.obs.iloc[shuffled].groupby("donor", observed=True).cumcount()
    half = rank.reindex(adata.obs_names) % 2
    adata.obs["population"] = adata.obs["donor"].astype(str) + "|" + half.map({0: "A", 1: "B"})
    adata.obs["split"] = half.map({0: "train", 1: "test"}).to_numpy()
    return adata


def guides(seed: int) -> ad.AnnData:
    """Cells of each guide; all sets are trained on."""
    adata = principal_components("papalexi_eccite_thp1.h5ad")
    adata.obs["population"] = adata.obs["grna"].astype(str)
    adata.obs["split"] = "train"
    return adata


#: Reader, and whether sets are halves.
DATA = {"donors": (donors, True), "patients": (patients, True), "guides": (guides, False)}


def fit(adata: ad.AnnData, steps: int, seed: int, *, moments: bool | None = None) -> None:
    """Fit under ``gde``."""
    options = {"min_cells": MIN_CELLS, "split_key": "split", "max_steps": steps, "moments": moments, "seed": seed}
    scgde.tl.fit_gde(adata, "population", progress_bar=False, **options)


def clouds_of(adata: ad.AnnData) -> list[np.ndarray]:
    """Components of the cells of each set."""
    rows = adata.obs.groupby("gde_set", observed=True).indices
    return [adata.obsm["X_pca"][rows[name]].astype(float) for name in adata.uns["gde"]["sets"].index]


def of_means(clouds: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Squared distances of means: as they are, less their noise, and with the covariance within sets."""
    means, n_cells = np.stack([x.mean(axis=0) for x in clouds]), np.array([len(x) for x in clouds])
    within = sum(np.cov(x.T) * len(x) for x in clouds) / n_cells.sum()
    noise = np.array([np.trace(np.cov(x.T)) for x in clouds]) / n_cells
    square = cdist(means, means, "sqeuclidean")
    whitened = cdist(means, means, "mahalanobis", VI=np.linalg.inv(within)) ** 2
    return {"means": square, "means, noise subtracted": square - noise[:, None] - noise, "means, whitened": whitened}


def energy(clouds: list[np.ndarray]) -> np.ndarray:
    """Unbiased energy distances of all cells."""
    own = np.array([cdist(x, x).sum() / (len(x) * (len(x) - 1)) for x in clouds])
    between = np.zeros((len(clouds), len(clouds)))
    for i, j in zip(*np.triu_indices(len(clouds), 1), strict=True):
        between[i, j] = between[j, i] = 2 * cdist(clouds[i], clouds[j]).mean()
    return between - own[:, None] - own


def identified(square: np.ndarray, names: list[str]) -> float:
    """Share of the halves B whose nearest half A is of the same donor."""
    half = {part: [i for i, name in enumerate(names) if name.endswith(part)] for part in ("A", "B")}
    nearest = square[np.ix_(half["B"], half["A"])].argmin(axis=1)
    return float(np.mean([names[half["A"][j]][:-1] == names[i][:-1] for i, j in zip(half["B"], nearest, strict=True)]))


def main() -> None:
    options = parser(__doc__, steps=500)
    options.add_argument("--data", nargs="+", choices=list(DATA), default=list(DATA))
    options.add_argument("--moments", action="store_true", help="embeddings that begin with moments, also of many sets")
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    rows = []
    for data in arguments.data:
        read, has_halves = DATA[data]
        for seed in arguments.seeds:
            adata, record = read(seed), {"data": data, "seed": seed}
            with timed(record):
                fit(adata, arguments.steps, seed, moments=arguments.moments or None)
            clouds, names = clouds_of(adata), adata.uns["gde"]["sets"].index.tolist()
            of_cells = energy(clouds)
            label = ", moments" * arguments.moments
            arms = {name + label: scgde.tl.distances(adata, metric=name).to_numpy() for name in METRICS}
            arms |= of_means(clouds) | ({"energy distance": of_cells} if has_halves else {})
            pairs = np.triu_indices(len(names), 1)
            for arm, square in arms.items():
                found = identified(square, names) if has_halves else spearmanr(square[pairs], of_cells[pairs])[0]
                rows.append(record | {"distance": arm, "sets": len(names), "value": round(float(found), 3)})
    table = report(rows, arguments.name or "set_distances", accelerator="cpu")
    print(table.groupby(["data", "distance"], sort=False)["value"].median().to_string())


if __name__ == "__main__":
    main()
