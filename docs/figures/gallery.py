"""Draw the figures of the gallery: every function of `pl`, on real data.

python docs/figures/gallery.py                # all, some minutes
python docs/figures/gallery.py covid larry    # those of some data sets
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import anndata as ad
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import scanpy as sc

from scgde import pl, pp, tl

FOLDER = Path(__file__).parent / "gallery"
DATA = Path(os.environ.get("SCGDE_DATA", Path(__file__).parents[3] / "shared" / "data"))
#: Of the fits of sequences, whose steps take a second. The others have the default.
SEQUENCE_STEPS = 300
DPI = 90


def save(name: str, drawn: Any) -> None:
    """Write the figure of some axes."""
    axes = drawn if isinstance(drawn, list) else [drawn]
    figure = axes[0].get_figure(root=True)
    FOLDER.mkdir(exist_ok=True)
    figure.savefig(FOLDER / f"{name}.png", bbox_inches="tight", dpi=DPI, pil_kwargs={"optimize": True})
    plt.close(figure)


def covid() -> None:
    """Donors as sets: blood of healthy and diseased donors, principal components of cells."""
    adata = ad.read_h5ad(DATA / "covid_pbmc_stephenson_pca.h5ad")
    adata.obs["Sex"] = adata.obs["Sex"].cat.remove_categories("NA")
    tl.fit_gde(adata, "donor", use_rep="X", validation_fraction=0.2, progress_bar=False)
    save("history", pl.history(adata, show=False))
    save("embedding", pl.embedding(adata, color=["status", "Sex"], show=False))
    save("composition", pl.composition(adata, "cell_type", annotate_keys="status", show=False))
    save("scores", pl.scores(tl.score_generation(adata), show=False))
    tl.uncertainty(adata)
    save("uncertainty", pl.uncertainty(adata, color="status", show=False))
    tl.convergence(adata, sets=adata.uns["gde"]["sets"].index[:3].tolist(), n_draws=20)
    save("convergence", pl.convergence(adata, show=False))
    tl.distances(adata)
    save("distances", pl.distances(adata, annotate_keys=["status", "Sex"], show=False))
    save("groups", pl.groups(tl.compare_groups(adata, "status"), show=False))
    save("associations", pl.associations(tl.associate(adata), show=False))
    tl.classify(adata, "status", state_key="cell_type")
    save("classification", pl.classification(adata, "status", show=False))
    is_ill = adata.uns["gde"]["sets"]["status"] == "Covid"
    names = adata.uns["gde"]["sets"].index
    explanation = tl.explain(adata, names[~is_ill].tolist(), names[is_ill].tolist(), state_key="cell_type")
    save("explain", pl.explain(explanation, names=("Healthy", "Covid"), show=False))
    cells = tl.generate(adata, [names[~is_ill][0], names[is_ill][0]], n_cells=500)
    save("generated", pl.generated(adata, cells, show=False))


def larry() -> None:
    """Clones as sets: blood progenitors in two dimensions, from day 4 to day 6."""
    adata = ad.read_h5ad(DATA / "larry_invitro_spring.h5ad")
    adata = adata[(adata.obs["clone_id"] >= 0) & adata.obs["day"].isin([4, 6])].copy()
    x = np.asarray(adata.X, dtype=np.float64)
    adata.X = ((x - x.mean(axis=0)) / x.std()).astype(np.float32)
    adata.var_names = ["SPRING1", "SPRING2"]
    adata.obs["clone"] = "clone " + adata.obs["clone_id"].astype(int).astype(str)
    tl.fit_tde(
        adata,
        "clone",
        time_key="day",
        use_rep="X",
        min_cells=10,
        validation_fraction=0.3,
        progress_bar=False,
    )
    content = adata.uns["tde"]
    pairs, sizes = content["pairs"], content["sets"]["n_cells"]
    known = sizes[pairs["source"]].to_numpy() + sizes[pairs["target"]].to_numpy()
    source, target = pairs[["source", "target"]].iloc[int(known.argmax())]
    save("transport", pl.transport(adata, tl.transport(adata, source, target, n_times=11), show=False))
    forecast = tl.forecast(adata, source, to=6, n_times=11)
    forecast.obs["target_set"] = target  # draws the cells that were truly there
    save("forecast", pl.transport(adata, forecast, show=False))
    save("scores_transport", pl.scores(tl.evaluate_transport(adata, metric="energy"), show=False))
    late = adata[adata.obs["day"] == 6].copy()
    tl.fit_gde(late, "clone", use_rep="X", min_cells=10, isometry=0.1, progress_bar=False)
    large = late.uns["gde"]["sets"].query("n_cells >= 50").index
    mean = pd.Series(np.asarray(late.X)[:, 0]).groupby(late.obs["gde_set"].to_numpy()).mean()[large]
    path = tl.interpolate(late, mean.idxmin(), mean.idxmax(), n_cells=150)
    save("interpolation", pl.interpolation(late, path, show=False))
    save("interpolation_ot", pl.interpolation(late, path, ot=True, show=False))


def onek1k() -> None:
    """Donors as sets of counts."""
    adata = ad.read_h5ad(DATA / "onek1k_subset_40donors.h5ad")
    adata = adata[:, np.argsort(-np.asarray(adata.X.sum(axis=0)).ravel())[:200]].copy()
    tl.fit_gde(adata, ["donor", "cell_type"], cells="counts", progress_bar=False)
    names = [name for name in adata.uns["gde"]["sets"].index if name.startswith("SAMP3|")][:2]
    save("counts", pl.counts(adata, tl.generate(adata, n_cells=100), show=False))
    save("genes", pl.genes(adata, tl.interpolate(adata, *names), show=False))


def norman() -> None:
    """Perturbations as sets."""
    adata = ad.read_h5ad(DATA / "norman_mcfaline_perturbench_devel.h5ad")
    adata = adata[adata.obs["cell_type"] == "k562"].copy()
    sc.pp.pca(adata, n_comps=30)
    pairs = pp.perturbation_pairs(adata, "condition", "control")
    tl.fit_tde(adata, "condition", pairs=pairs, progress_bar=False)
    save("perturbations", pl.perturbations(adata, show=False))


def tcr() -> None:
    """Repertoires as sets: sequences of receptors of T cells."""
    table = pd.read_csv(DATA / "tcr_immunarch_ms_12donors.csv.gz")
    table = table[~table["cdr3_aa"].str.contains(r"[*~]")].groupby("donor").head(1000)
    adata = ad.AnnData(obs=table[["donor", "status", "cdr3_aa"]].set_index(table.index.astype(str)))
    pp.tokenize(adata, "cdr3_aa", alphabet="protein")
    tl.fit_gde(adata, "donor", use_rep="X_tokens", max_steps=SEQUENCE_STEPS, sets_per_batch=16, progress_bar=False)
    cells = tl.generate(adata, adata.uns["gde"]["sets"].index[:2].tolist(), n_cells=500)
    save("sequences", pl.sequences(adata, cells, show=False))


if __name__ == "__main__":
    for one in (covid, larry, onek1k, norman, tcr):
        if not sys.argv[1:] or one.__name__ in sys.argv[1:]:
            one()
