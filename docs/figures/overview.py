"""Draw `overview.png`, the figure of the landing page: clones of LARRY, their embeddings, and cells that are generated.

python docs/figures/overview.py
"""

from __future__ import annotations

import os
from pathlib import Path

import anndata as ad
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Ellipse

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


def main() -> None:
    adata = clones()
    scgde.tl.fit_gde(adata, "clone", use_rep="X", min_cells=10, isometry=0.1, seed=0)
    scgde.tl.uncertainty(adata)
    names = distant(adata, 3)
    figure, axes = plt.subplots(1, 4, figsize=(12, 3), layout="constrained")
    titles = ("sets of cells:\nclones, three in color", "one vector per clone,\nwith its 95 % confidence region")
    titles += ("new cells,\ndrawn from the vectors", "cells between two clones,\nt from 0 to 1")
    for ax, title in zip(axes, titles, strict=True):
        ax.set_title(title, fontsize=10, color=INK)
        ax.set(xticks=[], yticks=[], aspect="equal")
        ax.spines[:].set_visible(False)
    for ax in axes[[0, 2, 3]]:
        some = np.random.default_rng(0).permutation(adata.n_obs)[:6000]
        ax.scatter(*np.asarray(adata.X)[some].T, s=2, color=GREY, linewidths=0)
    drawn = scgde.tl.generate(adata, names, n_cells=150)
    for name, color in zip(names, COLORS, strict=True):
        own = np.asarray(adata.X)[(adata.obs["gde_set"] == name).to_numpy()]
        axes[0].scatter(*own.T, s=7, color=color, linewidths=0)
        axes[2].scatter(*drawn.X[(drawn.obs["set"] == name).to_numpy()].T, s=7, color=color, linewidths=0)
    draw_vectors(axes[1], adata, names)
    path = scgde.tl.interpolate(adata, names[0], names[1], n_steps=6, n_cells=120)
    shown = axes[3].scatter(*path.X.T, s=5, c=path.obs["t"].astype(float), cmap="viridis", linewidths=0)
    bar = figure.colorbar(shown, cax=axes[3].inset_axes((0.05, 0.12, 0.25, 0.03)), orientation="horizontal")
    bar.set_ticks([0, 1], labels=["0", "1"])
    bar.outline.set_visible(False)
    figure.savefig(FOLDER / "overview.png", dpi=160)


def draw_vectors(ax: plt.Axes, adata: ad.AnnData, names: list[str]) -> None:
    """All embeddings along their first two principal axes, and the regions of some."""
    content = adata.uns["gde"]
    z = content["embedding"] - content["embedding"].mean(axis=0)
    axes = np.linalg.svd(z, full_matrices=False)[2][:2].T
    ax.scatter(*(z @ axes).T, s=6, color="#CCCCCC", linewidths=0)
    for name, color in zip(names, COLORS, strict=True):
        row = content["sets"].index.get_loc(name)
        values, vectors = np.linalg.eigh(axes.T @ content["covariance"][row] @ axes)
        width, height = 2 * np.sqrt(5.991 * values)  # chi-squared with two degrees of freedom
        angle = np.degrees(np.arctan2(vectors[1, 0], vectors[0, 0]))
        ax.add_patch(Ellipse(z[row] @ axes, width, height, angle=angle, color=color, alpha=0.3, linewidth=0))
        ax.scatter(*(z[row] @ axes), s=30, color=color)


if __name__ == "__main__":
    main()
