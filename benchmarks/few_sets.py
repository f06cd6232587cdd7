"""With tens of sets: are cells generated for a new set better than what simple descriptions of that set generate?

A quarter of the sets is held out of every step of the fit. Each is embedded from a random half of its cells, and cells
are generated and scored on the other half, as in `held_out_cells.py`; mean over the held-out sets, each split several
times. Baselines know the same half: its mean, mean and standard deviations, a Gaussian with its covariance, and the
leading principal components of the means of the training sets, as many as the embedding has dimensions. With `--cells`
each training set has so few cells, and each held-out set twice as many, of which half is embedded.

    python benchmarks/few_sets.py --data covid
    python benchmarks/few_sets.py --data covid --cells 16
    python benchmarks/few_sets.py --data cytometry
"""

from __future__ import annotations

import anndata as ad
import numpy as np
import scanpy as sc
import torch

import scgde
from _common import data_path, parser, report, timed

N_PARTITIONS = 32


def covid() -> ad.AnnData:
    """Blood of 32 donors, 50 principal components."""
    return ad.read_h5ad(data_path("covid_pbmc_stephenson_pca.h5ad"))


def onek1k() -> ad.AnnData:
    """Blood of 40 donors, 30 principal components of log-normalised counts."""
    adata = ad.read_h5ad(data_path("onek1k_subset_40donors.h5ad"))
    sc.pp.normalize_total(adata)
    sc.pp.log1p(adata)
    sc.pp.pca(adata, n_comps=30)
    return ad.AnnData(np.ascontiguousarray(adata.obsm["X_pca"], dtype=np.float32), obs=adata.obs)


def bodenmiller() -> ad.AnnData:
    """Cell types under treatments, 23 markers."""
    adata = ad.read_h5ad(data_path("bodenmiller2012_pbmc_stim.h5ad"))
    x = np.asarray(adata.X, dtype=np.float64)
    adata.X = ((x - x.mean(axis=0)) / x.std(axis=0)).astype(np.float32)
    return adata[np.random.default_rng(0).random(adata.n_obs) < 0.3].copy()


def cytometry() -> ad.AnnData:
    """56 simulated patients who are far apart, 40 markers."""
    return scgde.datasets.cytometry_cohort(56, seed=0)


DATA = {
    "covid": (covid, "donor"),
    "onek1k": (onek1k, "donor"),
    "bodenmiller": (bodenmiller, ["treatment", "cell_type"]),
    "cytometry": (cytometry, "donor"),
}


def with_few_cells(adata: ad.AnnData, n_cells: int, seed: int) -> ad.AnnData:
    """So many random cells of each set, and of held-out sets twice as many, where there are so many."""
    shuffled = adata.obs.sample(frac=1, random_state=seed)
    wanted = np.where(shuffled["split"] == "test", 2 * n_cells, n_cells)
    rank = shuffled.groupby("population", observed=True).cumcount()
    is_large = shuffled.groupby("population", observed=True)["split"].transform("size") >= 2 * n_cells
    return adata[shuffled.index[(rank < wanted) & is_large]].copy()


def main() -> None:
    options = parser(__doc__, steps=2500)
    options.add_argument("--data", choices=sorted(DATA), required=True)
    options.add_argument("--cells", type=int, help="cells of a training set; all by default")
    options.add_argument("--without-moments", action="store_true", help="embeddings that are learnt as a whole")
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)

    read, groupby = DATA[arguments.data]
    n_cells = arguments.cells
    # Few cells are learnt by heart in fewer steps: some sets choose when to stop.
    fractions = (0.75, 0.0, 0.25) if n_cells is None else (0.65, 0.1, 0.25)
    whole = read()
    scgde.pp.make_sets(whole, groupby, key_added="population")
    rows = []
    for seed in arguments.seeds:
        scgde.pp.split_sets(whole, key="population", fractions=fractions, seed=seed)
        adata = whole if n_cells is None else with_few_cells(whole, n_cells, seed)
        record = {"data": arguments.data, "seed": seed} | ({} if n_cells is None else {"cells": n_cells})
        with timed(record):
            scgde.tl.fit_gde(
                adata,
                "population",
                use_rep="X",
                split_key="split",
                scaling="common",
                moments=not arguments.without_moments,
                max_steps=arguments.steps,
                seed=seed,
                progress_bar=False,
            )
        table = adata.uns["gde"]["sets"]
        n_repeats = -(-N_PARTITIONS // int((table["split"] == "test").sum()))
        scores = scgde.tl.score_generation(adata, n_repeats=n_repeats, seed=seed).drop(columns=["set", "n_cells"])
        known = table.index[table["split"] == "train"][:20].tolist()
        on_known = scgde.tl.score_generation(adata, sets=known, seed=seed)
        means = scores.mean()
        record |= {"train": int((table["split"] == "train").sum()), "test": len(scores)} | means.round(4).to_dict()
        record["ratio"] = round(means["generated"] / means["pooled"], 4)
        record["ratio_on_training_sets"] = round(on_known["generated"].mean() / on_known["pooled"].mean(), 4)
        rows.append(record)
    name = f"few_sets_{arguments.data}" + "_without_moments" * arguments.without_moments
    report(rows, arguments.name or name + ("" if n_cells is None else f"_{n_cells}_cells"))


if __name__ == "__main__":
    main()
