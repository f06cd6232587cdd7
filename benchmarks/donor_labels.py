"""Do label-free embeddings of 634 IgA nephropathy patients predict their kidney function?

The probe of `tl.classify`, balanced, on frozen embeddings, 5 x 5 repeated stratified cross-validation, the same splits
for every row. Baselines: means, means and standard deviations, and a kernel mean embedding of each donor.

    python benchmarks/donor_labels.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import RepeatedStratifiedKFold

import scgde
from _common import igan_donors, parser, report, timed
from scgde.results import FittedSets
from scgde.results._covariances import reliability_of_dimensions
from scgde.results._set_features import set_features
from scgde.stats import Labels, fit_predict

if TYPE_CHECKING:
    import pandas as pd

BASELINES = {"means": "means", "means_sd": "means + sd", "kernel_mean": "kernel mean"}


def macro_auroc(x: np.ndarray, y: np.ndarray, reliability: np.ndarray | None) -> np.ndarray:
    """One-versus-rest AUROC, averaged over classes, of each of 25 splits."""
    names, codes = np.unique(y, return_inverse=True)
    labels, scores = Labels(codes, np.arange(len(codes)), len(names)), []
    for train, test in RepeatedStratifiedKFold(n_splits=5, n_repeats=5, random_state=0).split(x, codes):
        options = {"class_weight": "balanced", "reliability": reliability}
        probability = fit_predict(x[train], labels.at(train), x[test], np.random.default_rng(0), **options)
        probability = probability[:, 1] if len(names) == 2 else probability
        scores.append(roc_auc_score(codes[test], probability, multi_class="ovr"))
    return np.array(scores)


def row(name: str, x: np.ndarray, stage: pd.Series, *, reliability: np.ndarray | None = None, **extra: object) -> dict:
    """Scores of one representation of the donors, shape ``(n_donors, d)``."""
    macro = macro_auroc(x, stage.to_numpy(), reliability)
    below_60 = macro_auroc(x, (stage != ">60").to_numpy(), reliability)
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
    options = parser(__doc__, steps=None)
    options.add_argument("--latent", type=int, help="dimensions; those of the default otherwise")
    options.add_argument("--isometry", type=float, default=0.0)
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)

    adata, rows = igan_donors(), []
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
        fitted = FittedSets.read(adata, "gde", all_rows=True)
        stage = fitted.table["egfr_stage"].astype(str)
        if not rows:
            found = set_features(adata, None, "gde", np.random.default_rng(0))
            rows = [row(name, found[feature], stage) for feature, name in BASELINES.items()]
        reliability = reliability_of_dimensions(fitted)
        rows.append(row("GDE, frozen", fitted.embedding, stage, reliability=reliability, seed=seed, **record))
    report(rows, arguments.name or "donor_labels")


if __name__ == "__main__":
    main()
