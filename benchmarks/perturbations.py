"""Are held-out perturbations predicted as well as by the best simple baseline, and is nothing predicted of none?

`papalexi`: each replicate is held out but for its control cells; targets that respond, a fixed list, and others.
`mcfaline`: each of three cell lines is held out but for its controls; hardly a perturbation has an effect.
`norman`: the five doubles with both singles, each left out in turn.
`simulated`: 40 of 70 doubles held out, in three worlds: perturbations shift all cells, change the shares of states, or
move a part of the cells. One arm more: log ratios of the shares of k-means clusters add up.

Scores of `tl.evaluate_perturbations`, mean over held-out pairs: energy distance (unbiased) in principal components, and
errors of the mean in genes that these give. ``difference``: paired, to a simple baseline that is fixed per study and
group, with its standard error over pairs.

With ``--counts`` fits take raw counts and find components themselves; one arm more are counts, of which components are
taken again: the observed ones of the control cells, at other rates.

    python benchmarks/perturbations.py --data papalexi
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import anndata as ad
import numpy as np
import pandas as pd
import scanpy as sc
import torch
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

import scgde
from _common import data_path, parser, report, timed
from scgde.model import TDE
from scgde.results import read_model

if TYPE_CHECKING:
    from collections.abc import Iterator

N_COMPONENTS, MIN_CELLS, MAX_CELLS, N_CELLS = 30, 40, 300, 250
#: Targets of the ECCITE screen with an effect, fixed beforehand.
RESPONDING = ["BRD4", "CUL3", "IFNGR1", "IFNGR2", "IRF1", "JAK2", "SMAD4", "STAT1", "STAT2"]
METRICS = ("energy", "weighted_error", "delta_correlation", "rank_l2")
MOVES = ("shift", "transport_to_mean", "transport", "resample")
WORLDS = ("shift", "composition", "penetrance")


class Fold(NamedTuple):
    """Cells with a split, and what is needed to fit them.

    Parameters
    ----------
    adata
        With ``obs["split"]``.
    groupby
        Columns of sets.
    pairs
        Of controls and perturbations.
    options
        Of the fit.
    """

    adata: ad.AnnData
    groupby: list[str]
    pairs: pd.DataFrame
    options: dict[str, Any]


def papalexi(seed: int, *, counts: bool = False) -> Iterator[Fold]:
    """Replicates of the ECCITE screen, each held out."""
    adata = ad.read_h5ad(data_path("papalexi_eccite_thp1.h5ad"))
    adata = adata[adata.obs["grna_frac"] > 0.5].copy()
    if not counts:
        sc.pp.normalize_total(adata)
        sc.pp.log1p(adata)
    columns = ("target", "non-targeting", "bio_rep")
    yield from contexts_held_out(thinned(adata, seed), *columns, seed, min_cells=MIN_CELLS, counts=counts)


def thinned(adata: ad.AnnData, seed: int) -> ad.AnnData:
    """At most ``MAX_CELLS`` cells of each target and replicate."""
    order = np.random.default_rng(seed).permutation(adata.n_obs)
    rank = adata.obs[["target", "bio_rep"]].astype(str).iloc[order].groupby(["target", "bio_rep"]).cumcount()
    return adata[np.sort(order[rank.to_numpy() < MAX_CELLS])].copy()


def mcfaline(seed: int) -> Iterator[Fold]:
    """Three glioblastoma lines, each held out."""
    adata = ad.read_h5ad(data_path("norman_mcfaline_perturbench_devel.h5ad"))
    adata = adata[adata.obs["cell_type"] != "k562"].copy()
    yield from contexts_held_out(adata, "condition", "control", "cell_type", seed, min_cells=MIN_CELLS)


def contexts_held_out(
    adata: ad.AnnData, key: str, control: str, context_key: str, seed: int, *, min_cells: int, counts: bool = False
) -> Iterator[Fold]:
    """One fold per context: all its perturbed cells are held out; components are those of the other cells."""
    pairs = scgde.pp.perturbation_pairs(adata, key, control, context_key=context_key, min_cells=min_cells)
    for context in sorted(adata.obs[context_key].astype(str).unique()):
        test = (adata.obs[context_key].astype(str) == context) & (adata.obs[key].astype(str) != control)
        options: dict[str, Any] = {"min_cells": min_cells} | ({"cells": "counts"} if counts else {})
        fold = with_split(adata, test.to_numpy()) if counts else with_components(adata, test.to_numpy(), seed)
        yield Fold(fold, [context_key, key], pairs, options)


def norman(seed: int) -> Iterator[Fold]:
    """Doubles of K562 with both singles, each left out."""
    adata = ad.read_h5ad(data_path("norman_mcfaline_perturbench_devel.h5ad"))
    adata = adata[adata.obs["cell_type"] == "k562"].copy()
    pairs = scgde.pp.perturbation_pairs(adata, "condition", "control")
    singles = {name for name in pairs["perturbation"] if "+" not in name}
    for name in pairs["perturbation"]:
        if "+" in name and set(name.split("+")) <= singles:
            test = (adata.obs["condition"] == name).to_numpy()
            yield Fold(with_components(adata, test, seed), ["condition"], pairs, {"min_cells": 10})


def with_split(adata: ad.AnnData, test: np.ndarray) -> ad.AnnData:
    """The cells with a split."""
    adata = adata.copy()
    adata.obs["split"] = np.where(test, "test", "train")
    return adata


def with_components(adata: ad.AnnData, test: np.ndarray, seed: int) -> ad.AnnData:
    """The cells with a split, and principal components of those that are not held out."""
    adata = with_split(adata, test)
    x = np.asarray(adata.X.toarray() if hasattr(adata.X, "toarray") else adata.X)
    pca = PCA(N_COMPONENTS, random_state=seed).fit(x[~test])
    adata.obsm["X_pca"] = ((x - pca.mean_) @ pca.components_.T).astype(np.float32)
    adata.varm["PCs"] = pca.components_.T.astype(np.float32)
    return adata


def world(kind: str, seed: int, *, counts: bool = False) -> Fold:
    """Simulated singles and doubles, of which 40 are held out."""
    adata = scgde.datasets.perturbations(kind, counts=counts, seed=seed)
    options: dict[str, Any] = {"use_rep": "X", "scaling": "common", "n_latent": 16}
    if counts:
        adata = ad.AnnData(sparse.csr_matrix(adata.obsm["counts"]), obs=adata.obs)
        options = {"cells": "counts", "n_latent": 16}
    doubles = [name for name in adata.obs["perturbation"].cat.categories if "+" in name]
    adata.obs["split"] = np.where(adata.obs["perturbation"].isin(doubles[30:]), "test", "train")
    pairs = scgde.pp.perturbation_pairs(adata, "perturbation", "control")
    return Fold(adata, ["perturbation"], pairs, options)


def cluster_arm(adata: ad.AnnData, seed: int, n_clusters: int = 8) -> ad.AnnData:
    """Held-out doubles as cells of clusters, of which log ratios of shares to the control add up."""
    train = (adata.obs["split"] == "train").to_numpy()
    cluster = KMeans(n_clusters, n_init=3, random_state=seed).fit(adata.X[train]).predict(adata.X)
    name, rng = adata.obs["perturbation"].astype(str).to_numpy(), np.random.default_rng(seed)
    counts = pd.crosstab(name, cluster).reindex(columns=range(n_clusters), fill_value=0) + 0.5
    log_share = np.log(counts.div(counts.sum(axis=1), axis=0))
    cells, names = [], []
    for double in np.unique(name[~train]):
        first, second = (log_share.loc[part] for part in double.split("+"))
        share = np.exp(first + second - log_share.loc["control"])
        weight = (share / share.sum()).to_numpy()[cluster[train]] / np.bincount(cluster[train])[cluster[train]]
        cells.append(adata.X[train][rng.choice(train.sum(), N_CELLS, p=weight / weight.sum())])
        names += [double] * N_CELLS
    obs = pd.DataFrame({"perturbation": names}, index=np.arange(len(names)).astype(str))
    return ad.AnnData(np.concatenate(cells), obs=obs, var=adata.var)


def scored(fold: Fold, steps: int, seed: int, **options: Any) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Scores of all arms on the held-out pairs of a fold; seconds, and how cells are moved."""
    record: dict[str, Any] = {}
    with timed(record):
        scgde.tl.fit_tde(
            fold.adata,
            fold.groupby,
            pairs=fold.pairs,
            split_key="split",
            max_steps=steps,
            sets_per_batch=16,
            set_size=64,
            seed=seed,
            accelerator="cpu",
            progress_bar=False,
            **fold.options,
        )
    chosen = read_model(fold.adata, "tde", TDE).fitted_on["perturbations"]
    result = scgde.tl.evaluate_perturbations(fold.adata, moves=MOVES, n_cells=N_CELLS, seed=seed, **options)
    return result.scores, record | {"move": f"{chosen['move']} from {chosen['start']}"}


def summary(scores: pd.DataFrame, reference: str, **facts: Any) -> list[dict[str, Any]]:
    """Means of an arm over pairs, and its paired difference in energy to a reference."""
    columns = [name for name in ("perturbation", "context") if name in scores]
    wide = scores.pivot_table(index=columns, columns=["metric", "arm"], values="value", sort=False)
    rows = []
    for arm in scores["arm"].unique():
        gain = (wide["energy", arm] - wide["energy", reference]).dropna()
        means = {name: round(float(wide[name, arm].mean()), 4) for name in METRICS}
        row = facts | {"arm": arm, "pairs": int(wide["energy", arm].notna().sum())} | means
        rows.append(row | {"difference": round(gain.mean(), 4), "difference_se": round(gain.sem(), 4)})
    return rows


def of_contexts(folds: Iterator[Fold], seed: int, steps: int) -> list[dict[str, Any]]:
    """Held-out contexts: pairs that respond against the same perturbation elsewhere, others against no effect."""
    parts = [scored(fold, steps, seed) for fold in folds]
    scores = pd.concat([part for part, _ in parts])
    facts = {"seed": seed, "seconds": sum(record["seconds"] for _, record in parts)}
    facts["move"] = "; ".join(sorted({record["move"] for _, record in parts}))
    responds = scores["perturbation"].isin(RESPONDING)
    groups = {"responding": (responds, "same perturbation, other contexts"), "others": (~responds, "no effect")}
    return [
        row
        for name, (rows, reference) in groups.items()
        if rows.any()
        for row in summary(scores[rows], reference, group=name, **facts)
    ]


def run(data: str, seed: int, steps: int, *, counts: bool = False) -> list[dict[str, Any]]:
    """All rows of one seed."""
    if data == "simulated":
        rows = []
        for kind in WORLDS:
            fold = world(kind, seed, counts=counts)
            given = {} if counts else {"predictions": {"clusters": cluster_arm(fold.adata, seed)}}
            scores, record = scored(fold, steps, seed, **given)
            rows += summary(scores, "additive", group=kind, seed=seed, **record)
        return rows
    if data == "norman":
        parts = [scored(fold, steps, seed) for fold in norman(seed)]
        record = {"seconds": sum(part["seconds"] for _, part in parts)}
        record["move"] = "; ".join(sorted({part["move"] for _, part in parts}))
        return summary(pd.concat([part for part, _ in parts]), "ridge, one-hot", group="doubles", seed=seed, **record)
    folds = papalexi(seed, counts=counts) if data == "papalexi" else mcfaline(seed)
    return of_contexts(folds, seed, steps)


def main() -> None:
    options = parser(__doc__, steps=150)
    options.add_argument("--data", choices=["papalexi", "mcfaline", "norman", "simulated"], required=True)
    options.add_argument("--counts", action="store_true", help="raw counts in and out: papalexi and simulated")
    arguments = options.parse_args()
    if arguments.counts and arguments.data not in ("papalexi", "simulated"):
        options.error(f"--counts needs data that hold raw counts, {arguments.data} does not")
    torch.set_num_threads(arguments.threads)
    rows = [
        row for seed in arguments.seeds for row in run(arguments.data, seed, arguments.steps, counts=arguments.counts)
    ]
    name = arguments.name or f"perturbations_{arguments.data}" + "_counts" * arguments.counts
    table = report(rows, name, accelerator="cpu")
    columns = [*METRICS, "difference", "difference_se"]
    print("\nmedian over seeds\n", table.groupby(["group", "arm"], sort=False)[columns].median().round(4).to_string())


if __name__ == "__main__":
    main()
