"""Do label-free embeddings of 634 IgA nephropathy patients predict their kidney function?

Logistic regression (C = 0.1, balanced, z-scored inputs) on frozen embeddings, 5 x 5 repeated stratified
cross-validation, the same splits for every row. Baselines: per-donor means, means and standard deviations.

    python benchmarks/donor_labels.py
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import scgde
from _common import igan_donors, parser, report, timed


def macro_auroc(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """One-versus-rest AUROC, averaged over classes, of each of 25 splits."""
    scores = []
    for train, test in RepeatedStratifiedKFold(n_splits=5, n_repeats=5, random_state=0).split(x, y):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, class_weight="balanced", max_iter=5000))
        probability = model.fit(x[train], y[train]).predict_proba(x[test])
        probability = probability[:, 1] if probability.shape[1] == 2 else probability
        scores.append(roc_auc_score(y[test], probability, multi_class="ovr"))
    return np.array(scores)


def row(name: str, x: np.ndarray, stage: pd.Series, **extra: object) -> dict:
    """Scores of one representation of the donors, shape ``(n_donors, d)``."""
    macro, below_60 = macro_auroc(x, stage.to_numpy()), macro_auroc(x, (stage != ">60").to_numpy())
    return {
        "representation": name,
        "dims": x.shape[1],
        "macro_auroc": round(macro.mean(), 4),
        "macro_sd": round(macro.std(), 4),
        "egfr_below_60": round(below_60.mean(), 4),
        "egfr_sd": round(below_60.std(), 4),
        **extra,
    }


def main() -> None:
    options = parser(__doc__, steps=1000)
    options.add_argument("--latent", type=int, default=32)
    options.add_argument("--isometry", type=float, default=0.0)
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)

    adata = igan_donors()
    by_donor = pd.DataFrame(adata.X).groupby(adata.obs["donor"].to_numpy(), observed=True)
    means, sds = by_donor.mean(), by_donor.std().fillna(0)
    stage = adata.obs.drop_duplicates("donor").set_index("donor")["egfr_stage"].astype(str).loc[means.index]
    rows = [row("means", means.to_numpy(), stage), row("means + sd", pd.concat([means, sds], axis=1).to_numpy(), stage)]
    for seed in arguments.seeds:
        record: dict = {}
        with timed(record):
            scgde.tl.fit_gde(
                adata,
                "donor",
                min_cells=1,
                n_latent=arguments.latent,
                isometry=arguments.isometry,
                max_steps=arguments.steps,
                seed=seed,
                progress_bar=False,
            )
        embedding = pd.DataFrame(adata.uns["gde"]["embedding"], index=adata.uns["gde"]["sets"].index)
        rows.append(row("GDE, frozen", embedding.loc[means.index].to_numpy(), stage, seed=seed, **record))
    report(rows, arguments.name or "donor_labels")


if __name__ == "__main__":
    main()
