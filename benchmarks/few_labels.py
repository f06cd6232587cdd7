"""One donor in ten has a label: do the cells of the other donors help to predict theirs?

For each draw of labelled donors (a tenth of each class), all others are predicted: by `tl.classify` of mode "joint"
(the generator on all donors, the label on the labelled ones), "supervised" (labelled donors alone) and "probe" (linear,
on the frozen embedding), and by logistic regression on moments of the features and on kernel means. All fits are
balanced over classes. The label-free fit that "joint" and "probe" begin with is the default one, and the same for
all draws.

In the first draws (`--fine-tuned`) networks are fitted to labels, too, which takes longer.
The p-values are of paired t-tests over draws, which say how sure a difference is for *this cohort*.

    python benchmarks/few_labels.py --data igan --draws 20
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import anndata as ad
import numpy as np
import pandas as pd
import scanpy as sc
import torch
from scipy import stats

import scgde
from _common import data_path, igan_donors, parser, report, timed
from scgde.results._set_features import set_features
from scgde.stats._classification_scores import class_scores
from scgde.stats._linear_probe import Labels, fit_predict

if TYPE_CHECKING:
    from argparse import Namespace

#: The first costs no fit of a network.
MODES = ("probe", "joint", "supervised")
BASELINES = ("majority", "means", "means_sd", "kernel_mean")
SCORES = ("accuracy", "balanced_accuracy", "roc_auc", "f1")
#: Of a class, at least so many donors are labelled.
FEWEST = 3


class Task(NamedTuple):
    """Cells with a column ``donor``, the label of each donor in ``obs``, and the smallest donor that counts."""

    adata: ad.AnnData
    label: str
    min_cells: int = 10


def igan() -> Task:
    adata = igan_donors()
    adata.obs["below 60"] = adata.obs["egfr_stage"].astype(str) != ">60"
    return Task(adata, "below 60", 1)


def onek1k() -> Task:
    adata = ad.read_h5ad(data_path("onek1k_subset_40donors.h5ad"))
    sc.pp.normalize_total(adata)
    sc.pp.log1p(adata)
    sc.pp.pca(adata, n_comps=30)
    return Task(adata, "sex")


def covid() -> Task:
    return Task(ad.read_h5ad(data_path("covid_pbmc_stephenson_pca.h5ad")), "status")


def cohort() -> Task:
    adata = scgde.datasets.cohort(200, seed=0)
    sc.pp.pca(adata, n_comps=30)
    return Task(adata, "composition")


DATA = {"igan": igan, "onek1k": onek1k, "covid": covid, "cohort": cohort}


def labelled(codes: np.ndarray, fraction: float, rng: np.random.Generator) -> np.ndarray:
    """Positions of the donors of a draw: a share of each class."""
    classes = [np.flatnonzero(codes == code) for code in range(codes.max() + 1)]
    return np.concatenate([rng.permutation(one)[: max(FEWEST, round(fraction * len(one)))] for one in classes])


def fit(task: Task, arguments: Namespace) -> None:
    record: dict = {}
    with timed(record):
        scgde.tl.fit_gde(task.adata, "donor", min_cells=task.min_cells, max_steps=arguments.steps, progress_bar=False)
    print(f"label-free fit: {record['seconds']} s")


def draw(task: Task, codes: np.ndarray, names: list[str], seed: int, arguments: Namespace) -> list[dict]:
    """Scores of every method on the donors without a label."""
    rng = np.random.default_rng([seed, len(codes)])
    rows = labelled(codes, arguments.fraction, rng)
    hidden = np.setdiff1d(np.flatnonzero(codes >= 0), rows)
    outputs, seconds = {}, {}
    table = task.adata.uns["gde"]["sets"]
    table["known"] = pd.Series(np.array(names, dtype=object)[codes[rows]], table.index[rows])
    n_modes = len(MODES) if seed < arguments.first + arguments.fine_tuned else 1
    for mode in MODES[:n_modes]:
        record: dict = {}
        with timed(record):
            scgde.tl.classify(
                task.adata,
                "known",
                mode=mode,
                n_splits=0,
                class_weight="balanced",
                label_weights=arguments.weights,
                max_steps=arguments.fit_steps,
                progress_bar=False,
                seed=seed,
            )
        predicted = task.adata.uns["gde"]["sets"]
        outputs[mode] = predicted[[f"known_probability_{name}" for name in names]].to_numpy()
        seconds[mode] = record["seconds"]
    labels = Labels(codes[rows], rows, len(names))
    for name, x in set_features(task.adata, None, "gde", np.random.default_rng(0)).items():
        if name in BASELINES:
            outputs[name] = fit_predict(x[rows], labels, x, rng, class_weight="balanced")
    return [
        {"draw": seed, "method": name, "labelled": len(rows), "seconds": seconds.get(name, 0.0)}
        | {score: class_scores(codes[hidden], output[hidden])[score] for score in SCORES}
        for name, output in outputs.items()
    ]


def summary(rows: list[dict], data: str) -> list[dict]:
    """Mean of each method, and the mean gain of "probe" over it in the same draws."""
    by_draw = pd.DataFrame(rows).pivot_table(index="draw", columns="method", values=list(SCORES))
    lines = []
    for method in (*MODES, *BASELINES):
        both = by_draw.xs(method, axis=1, level="method").dropna()
        line: dict = {"data": data, "method": method, "draws": len(both)} | both.mean().round(4).to_dict()
        for score in ("balanced_accuracy", "roc_auc") if method != "probe" else ():
            gain = (by_draw[score]["probe"] - both[score]).dropna()
            line[f"probe_gain_{score}"] = round(gain.mean(), 4)
            varies = len(gain) > 1 and gain.std() > 0
            line[f"p_{score}"] = round(stats.ttest_1samp(gain, 0).pvalue, 4) if varies else np.nan
        lines.append(line)
    return lines


def main() -> None:
    options = parser(__doc__, steps=None)
    options.add_argument("--data", default="igan", choices=list(DATA))
    options.add_argument("--draws", type=int, default=20, help="random choices of the labelled donors")
    options.add_argument("--fine-tuned", type=int, default=20, help="draws in which networks are fitted, too")
    options.add_argument("--first", type=int, default=0, help="number of the first draw")
    options.add_argument("--fraction", type=float, default=0.1, help="of the donors of a class that are labelled")
    options.add_argument("--fit-steps", type=int, default=100, help="optimiser steps of each fit to labels")
    options.add_argument("--weights", type=float, nargs="+", default=[0.0, 0.1, 1.0], help='of the label in "joint"')
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)

    task = DATA[arguments.data]()
    fit(task, arguments)
    label = task.adata.uns["gde"]["sets"][task.label].astype(str).astype("category")
    codes, names = label.cat.codes.to_numpy(dtype=np.int64), label.cat.categories.tolist()
    rows: list[dict] = []
    name = arguments.name or f"few_labels_{arguments.data}"
    for seed in range(arguments.first, arguments.first + arguments.draws):
        rows += draw(task, codes, names, seed, arguments)
        # Written after every draw: twenty of them take a while.
        report(rows, f"{name}_draws", seeds=list(range(arguments.first, seed + 1)))
    report(summary(rows, arguments.data), name, seeds=list(range(arguments.first, arguments.first + arguments.draws)))


if __name__ == "__main__":
    main()
