"""Draw `overview.png`, the figure of the landing page: clones of LARRY, their embeddings, and cells that are generated.

python docs/figures/overview.py
"""

from __future__ import annotations

import os
from pathlib import Path

import anndata as ad
import matplotlib.pyplot as plt
import numpy as np

import scgde

FOLDER = Path(__file__).parent
DATA = Path(os.environ.get("SCGDE_DATA", FOLDER.parents[2] / "shared" / "data"))
COLORS = ("#0072B2", "#D55E00", "#009E73")
INK, GREY = "#333333", "#DDDDDD"


def clones() -> ad.AnnData:
    """Cells of clones of day 6 in their two coordinates."""
    adata = ad.read_h5ad(DATA / "larry_invitro_spring.h5ad")
    adata = adata[(adata.obs["day"] == 6) & (adata.obs["clone_id"] >= 0)].copy()
    x = np.asarray(adata.X, dtype=np.float64)
    adata.X = ((x - x.mean(axis=0)) / x.std()).astype(np.float32)
    adata.obs["clone"] = "clone " + adata.obs["clone_id"].astype(int).astype(str)
    return adata


def distant(adata: ad.AnnData, n: int) -> list[str]:
    """Large clones whose means are far from each other."""
    table = adata.uns["gde"]["sets"]
    large = table.index[table["n_cells"] >= 40]
    rows = adata.obs.groupby("gde_set", observed=True).indices
    means = np.stack([np.asarray(adata.X)[rows[name]].mean(axis=0) for name in large])
    chosen = [int(np.linalg.norm(means - means.mean(axis=0), axis=1).argmax())]
    while len(chosen) < n:
        chosen.append(int(np.linalg.norm(means[:, None] - means[chosen], axis=-1).min(axis=1).argmax()))
    return large[chosen].tolist()


def background(ax: plt.Axes, adata: ad.AnnData, title: str) -> None:
    some = np.random.default_rng(0).permutation(adata.n_obs)[:6000]
    ax.scatter(*np.asarray(adata.X)[some].T, s=2, color=GREY, linewidths=0, rasterized=True)
    ax.set_title(title, fontsize=10, color=INK)
    ax.set(xticks=[], yticks=[], aspect="equal")
    ax.spines[:].set_visible(False)


def main() -> None:
    adata = clones()
    scgde.tl.fit_gde(adata, "clone", use_rep="X", min_cells=10, isometry=0.1, seed=0)
    scgde.tl.uncertainty(adata)
    names = distant(adata, 3)
    table = adata.uns["gde"]["sets"]

    figure, axes = plt.subplots(1, 4, figsize=(12, 3.3), layout="constrained")
    background(axes[0], adata, f"{len(table)} clones, each a set of cells")
    background(axes[2], adata, "new cells, drawn from the vector of a clone")
    background(axes[3], adata, "cells between two clones")
    drawn = scgde.tl.generate(adata, names, n_cells=150)
    for name, color in zip(names, COLORS, strict=True):
        own = np.asarray(adata.X)[(adata.obs["gde_set"] == name).to_numpy()]
        new = drawn.X[(drawn.obs["set"] == name).to_numpy()]
        axes[0].scatter(*own.T, s=7, color=color, linewidths=0)
        axes[2].scatter(*new.T, s=7, color=color, linewidths=0)
    scgde.pl.uncertainty(adata, sets=names, ax=axes[1], legend=False, show=False)
    path = scgde.tl.interpolate(adata, names[0], names[1], n_times=6, n_cells=120)
    shown = axes[3].scatter(*path.X.T, s=5, c=path.obs["t"].astype(float), cmap="viridis", linewidths=0)
    figure.colorbar(shown, ax=axes[3], orientation="horizontal", shrink=0.5, label="place on the path", aspect=30)
    axes[1].set_title("one vector per clone, with its standard error", fontsize=10, color=INK)
    figure.savefig(FOLDER / "overview.png", dpi=160)


if __name__ == "__main__":
    main()
