"""How much of five known attributes of 60 simulated donors does one label-free embedding preserve?

Each attribute of `datasets.cohort` changes the cells in one way. A score is how well the three nearest donors, or a
ridge regression on all others, predict it: 0 by chance, 1 at best (classes: normalised balanced accuracy; severity:
rank correlation). One is a nuisance, the batch. Baselines: moments of the same features, the energy distance between
cells, and the shares of the true cell types.

    python benchmarks/cohort_attributes.py
"""

from __future__ import annotations

from itertools import chain

import anndata as ad
import pandas as pd
import scanpy as sc
import torch

import scgde
from _common import parser, report, timed
from scgde.datasets._cohort import ATTRIBUTES

BATCH = "batch"
#: Distances of embeddings, and how they are named.
DISTANCES = {"embedding": "", "noise_corrected": ", noise-corrected"}
#: What predicts an attribute from distances, and how its score is named.
READOUTS = {"neighbors": "retention", "linear": "linear_retention"}


def features(adata: ad.AnnData, name: str, n_comps: int) -> None:
    """Put the features to fit into ``obsm["features"]``."""
    if name == "X":
        adata.obsm["features"] = adata.X.toarray()
        return
    sc.pp.pca(adata, n_comps=n_comps)
    x = adata.obsm["X_pca"].copy()
    if name.endswith("whitened"):
        x /= x.std(axis=0)
    adata.obsm["features"] = x


def without_batch_means(adata: ad.AnnData) -> None:
    """Take the mean of each batch, every donor counted once, out of the features."""
    x, obs = adata.obsm["features"], adata.obs
    means = pd.DataFrame(x).groupby(obs["donor"].to_numpy(), observed=True).mean()
    batch = obs.drop_duplicates("donor").set_index("donor")[BATCH].loc[means.index].to_numpy()
    centers = means.groupby(batch).mean()
    adata.obsm["features"] = x - centers.loc[obs[BATCH].to_numpy()].to_numpy()


def baselines(adata: ad.AnnData) -> ad.AnnData:
    """Donors as observations, with moments of their features and shares of their cell types."""
    donor = adata.obs["donor"].to_numpy()
    by_donor = pd.DataFrame(adata.obsm["features"]).groupby(donor, observed=True)
    means, sds = by_donor.mean(), by_donor.std()
    sets = ad.AnnData(means.to_numpy(), obs=adata.obs.drop_duplicates("donor").set_index("donor").loc[means.index])
    both = pd.concat([means, sds], axis=1)
    sets.obsm["means"], sets.obsm["means + sd"] = means.to_numpy(), both.to_numpy()
    sets.obsm["means + sd, z-scored"] = ((both - both.mean()) / both.std()).to_numpy()
    sets.obsm["composition"] = pd.crosstab(donor, adata.obs["cell_type"].to_numpy(), normalize="index").to_numpy()
    return sets


def rows_of(table: pd.DataFrame, metric: str, **extra: object) -> list[dict]:
    """Normalised retention score of each attribute, one row per readout."""
    scores = table[table["metric"] == metric].pivot_table(index="score", columns="covariate", values="normalized")
    return [
        extra | {"readout": readout} | scores.loc[score, list(ATTRIBUTES)].round(3).to_dict()
        for readout, score in READOUTS.items()
    ]


def evaluated(adata: ad.AnnData, metric: list[str], key: str | None = "gde") -> pd.DataFrame:
    options = {"n_permutations": 99, "n_draws": 2, "readout": list(READOUTS)}
    return scgde.tl.evaluate_embedding(adata, label_key=ATTRIBUTES, metric=metric, n_neighbors=3, key=key, **options)


def main() -> None:
    options = parser(__doc__, steps=None)
    options.add_argument("--features", nargs="+", default=["pca"], choices=["pca", "pca-whitened", "X"])
    options.add_argument("--n-comps", type=int, default=30)
    options.add_argument("--center", action="store_true", help="take the means of the batches out of the features")
    options.add_argument("--latent", type=int, help="dimensions; those of the default otherwise")
    options.add_argument("--encoder", default="pooled_gnn")
    options.add_argument("--no-fit", action="store_true", help="baselines only")
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)

    rows = []
    for seed in arguments.seeds:
        adata = scgde.datasets.cohort(seed=seed)
        for name in arguments.features:
            features(adata, name, arguments.n_comps)
            if arguments.center:
                without_batch_means(adata)
            setting = {"seed": seed, "features": name, "centered": arguments.center}
            sets = baselines(adata)
            table = evaluated(sets, list(sets.obsm), None)
            rows += chain.from_iterable(rows_of(table, metric, method=metric, **setting) for metric in sets.obsm)
            if not arguments.no_fit:
                rows += fits(adata, setting, arguments)
    report(rows, arguments.name or "cohort_attributes")


def fits(adata: ad.AnnData, setting: dict, arguments: object) -> list[dict]:
    """The embedding, and that of a fit conditioned on the batch."""
    rows = []
    for extra in ({}, {"batch_key": BATCH}):
        record: dict = {}
        with timed(record):
            scgde.tl.fit_gde(
                adata,
                "donor",
                use_rep="features",
                scaling="feature" if setting["features"] == "X" else "common",
                encoder=arguments.encoder,
                n_latent=arguments.latent,
                max_steps=arguments.steps,
                seed=setting["seed"],
                progress_bar=False,
                **extra,
            )
        name = "GDE, batch_key" if extra else "GDE"
        table = evaluated(adata, [*DISTANCES, *([] if extra else ["energy"])])
        for metric, label in DISTANCES.items():
            rows += rows_of(table, metric, method=name + label, **setting, **record)
        if not extra:
            rows += rows_of(table, "energy", method="energy distance", **setting)
    return rows


if __name__ == "__main__":
    main()
