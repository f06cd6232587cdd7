"""Does a response transfer to a context that was not seen in training?

`bodenmiller`: cells of a blood population under PMA and ionomycin, from those at rest; populations are held out, in
three folds. `norman`: cells of a line under a perturbation, from unperturbed ones; each line is held out in turn, and
the perturbation is a covariate of the predictor. Nothing of a held-out population or line is
used for training, components included, but for the source cells from which the forecast is made.

Energy distance 2 E|x-y| - E|x-x'| - E|y-y'| to the true target cells; ``energy``: the V-statistic, ``unbiased_energy``:
without the pairs of a cell with itself. Mean over held-out pairs, and the paired difference to the mean shift with its
standard error.
The mean shift moves every cell by the mean difference between target and source of the training pairs with the same
treatment. *Without moments*: the embedding is learnt as a whole, and cells are not transported between frames.

    python benchmarks/unseen_contexts.py --data bodenmiller
    python benchmarks/unseen_contexts.py --data norman
    python benchmarks/unseen_contexts.py --data norman --only-default
"""

from __future__ import annotations

from typing import Any, NamedTuple

import anndata as ad
import numpy as np
import pandas as pd
import torch
from sklearn.decomposition import PCA

import scgde
from _common import data_path, parser, report, timed
from _forecasts import METRICS, score_forecasts

#: Cells of one set at most, sets of fewer are left out, components of genes, draws of a forecast.
MAX_CELLS, MIN_CELLS, N_COMPONENTS, N_DRAWS = 200, 10, 30, 20
#: The first is the default.
PREDICTORS = ("kernel", "ridge")


class Study(NamedTuple):
    """Cells of a study in which contexts are treated.

    Parameters
    ----------
    adata
        Cells, with the columns ``context`` and ``treatment`` in ``obs``.
    control
        The treatment of the sources.
    treatments
        Those of the targets.
    n_folds
        Parts of the contexts, each held out once.
    """

    adata: ad.AnnData
    control: str
    treatments: list[str]
    n_folds: int


def bodenmiller() -> Study:
    """Blood populations at rest and under PMA and ionomycin; the other treatments are sets without a partner."""
    adata = ad.read_h5ad(data_path("bodenmiller2012_pbmc_stim.h5ad"))
    adata.obs["context"] = adata.obs["cell_type"].astype(str)
    return Study(adata, "reference", ["PMA/Ionomycin"], 3)


def norman() -> Study:
    """Four cell lines and the nine perturbations that all of them had; the others are sets without a partner."""
    adata = ad.read_h5ad(data_path("norman_mcfaline_perturbench_devel.h5ad"))
    adata.obs["context"], adata.obs["treatment"] = (adata.obs[name].astype(str) for name in ("cell_type", "condition"))
    lines = adata.obs.groupby("treatment", observed=True)["context"].nunique()
    return Study(adata, "control", sorted(set(lines.index[lines == 4]) - {"control"}), 4)


STUDIES = {"bodenmiller": bodenmiller, "norman": norman}


def thinned(adata: ad.AnnData, seed: int) -> ad.AnnData:
    """At most ``MAX_CELLS`` cells of each set, and none of sets with fewer than ``MIN_CELLS``."""
    order = np.random.default_rng(seed).permutation(adata.n_obs)
    by = adata.obs[["context", "treatment"]].astype(str).iloc[order].groupby(["context", "treatment"])
    rank, size = by.cumcount().to_numpy(), by["context"].transform("size").to_numpy()
    return adata[np.sort(order[(rank < MAX_CELLS) & (size >= MIN_CELLS)])].copy()


def fold_of(study: Study, seed: int) -> list[list[str]]:
    """Contexts held out in each fold."""
    contexts = np.random.default_rng(seed).permutation(sorted(study.adata.obs["context"].unique()))
    return [contexts[i :: study.n_folds].tolist() for i in range(study.n_folds)]


def prepared(study: Study, held_out: list[str], seed: int) -> tuple[ad.AnnData, pd.DataFrame]:
    """Cells with a split by context and the covariates of the predictor, and the pairs."""
    adata = thinned(study.adata, seed)
    test = adata.obs["context"].isin(held_out)
    adata.obs["split"] = np.where(test, "test", "train")
    if adata.n_vars > N_COMPONENTS:
        x = np.asarray(adata.X.toarray() if hasattr(adata.X, "toarray") else adata.X)
        adata.obsm["X_pca"] = PCA(N_COMPONENTS, random_state=seed).fit(x[~test]).transform(x).astype(np.float32)
    for i, name in enumerate(study.treatments):
        adata.obs[f"treatment_{i}"] = (adata.obs["treatment"] == name).astype(float)
    sets = adata.obs[["context", "treatment"]].drop_duplicates().astype(str)
    targets = sets[sets["treatment"].isin(study.treatments)]
    targets = targets[targets["context"].isin(sets.loc[sets["treatment"] == study.control, "context"])]
    pairs = pd.DataFrame(
        {"source": targets["context"] + "|" + study.control, "target": targets["context"] + "|" + targets["treatment"]}
    )
    return adata, pairs


def fit(adata: ad.AnnData, pairs: pd.DataFrame, study: Study, steps: int, seed: int, **options: Any) -> float:
    """Fit under ``key_added`` and return the seconds."""
    covariates = [f"treatment_{i}" for i in range(len(study.treatments))] if len(study.treatments) > 1 else []
    record: dict = {}
    with timed(record):
        scgde.tl.fit_tde(
            adata,
            ["context", "treatment"],
            pairs=pairs,
            condition_keys=covariates,
            split_key="split",
            min_cells=MIN_CELLS,
            max_steps=steps,
            sets_per_batch=16,
            seed=seed,
            progress_bar=False,
            accelerator="cpu",
            **options,
        )
    return record["seconds"]


def scored(adata: ad.AnnData, seed: int, **options: Any) -> pd.DataFrame:
    """Energy distance of each forecast of each held-out pair; columns: metric, forecast."""
    scores, columns = score_forecasts(adata, n_draws=N_DRAWS, seed=seed, **options), ["metric", "forecast"]
    return scores.pivot_table(index=["source", "target"], columns=columns, values="value", sort=False)


def default_arms(study: Study, held_out: list[str], seed: int, steps: int) -> tuple[pd.DataFrame, dict[str, float]]:
    """:func:`arms` of the default, its parts and the baselines that need no network."""
    adata, pairs = prepared(study, held_out, seed)
    seconds = {"TDE": fit(adata, pairs, study, steps, seed)}
    print(scgde.results.read_model(adata, "tde").mixture, flush=True)
    return scored(adata, seed).rename(columns={"forecast": "mixture", "transport": "TDE, " + PREDICTORS[0]}), seconds


def arms(study: Study, held_out: list[str], seed: int, steps: int) -> tuple[pd.DataFrame, dict[str, float]]:
    """Energy distance of every arm (columns: metric, arm) for every held-out pair of a fold; seconds of the fits."""
    adata, pairs = prepared(study, held_out, seed)
    seconds = {"source-conditioned": fit(adata, pairs, study, steps, seed, condition="source", key_added="source")}
    seconds["TDE"] = fit(adata, pairs, study, steps, seed)
    seconds["TDE, without moments"] = fit(adata, pairs, study, steps, seed, moments=False, key_added="learnt")
    print(scgde.results.read_model(adata, "tde").mixture, flush=True)
    names = {"forecast": "mixture", "transport": "TDE, " + PREDICTORS[0]}
    table = scored(adata, seed, source_fit="source").rename(columns=names)
    own = {}
    for key, arm in {"tde": "TDE", "learnt": "TDE, without moments"}.items():
        for predictor in PREDICTORS[key == "tde" :]:
            scgde.tl.fit_predictor(adata, predictor, key=key, seed=seed)
            part = scored(adata, seed, key=key)
            own |= {(name, f"{arm}, {predictor}"): part[name, "transport"] for name in METRICS}
            if key != "tde":
                own |= {(name, "true target, without moments"): part[name, "true target"] for name in METRICS}
    return table.join(pd.DataFrame(own)), seconds


def main() -> None:
    options = parser(__doc__, steps=300)
    options.add_argument("--data", choices=sorted(STUDIES), required=True)
    options.add_argument("--only-default", action="store_true", help="no other fits, no other predictors")
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    study, rows = STUDIES[arguments.data](), []
    forecasts = default_arms if arguments.only_default else arms
    for seed in arguments.seeds:
        folds = [forecasts(study, held_out, seed, arguments.steps) for held_out in fold_of(study, seed)]
        table = pd.concat([part for part, _ in folds])
        seconds = pd.DataFrame([part for _, part in folds]).sum()
        for arm in table["energy"]:
            record: dict[str, Any] = {"arm": arm, "seed": seed, "pairs": len(table)}
            for name in METRICS:
                gain = table[name, arm] - table[name, "mean shift"]
                record |= {
                    name: table[name, arm].mean(),
                    f"{name}_difference": gain.mean(),
                    f"{name}_difference_se": gain.sem(),
                }
            rows.append(record | {"seconds": seconds.get(arm.rpartition(", ")[0] or arm)})
    rows = [{key: _rounded(value) for key, value in row.items()} for row in rows]
    name = f"unseen_contexts_{arguments.data}" + "_default" * arguments.only_default
    table = report(rows, arguments.name or name, accelerator="cpu")
    print("\nmean over seeds\n", table.drop(columns="seed").groupby("arm", sort=False).mean().round(4).to_string())


def _rounded(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value


if __name__ == "__main__":
    main()
