"""How many training sets does it take until generated cells of a new set are better than simple descriptions of it?

The test sets stay the same; of the others, so many are trained on. Scores are those of `few_sets.py`: unbiased energy
distance to a half of the set that was not embedded, divided by that of pooled cells.

    python benchmarks/how_many_sets.py
    python benchmarks/how_many_sets.py --draw docs/figures/how_many_sets.png
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

import scgde
from _common import RESULTS, igan_donors, parser, report, timed
from few_sets import covid, onek1k

if TYPE_CHECKING:
    import anndata as ad

#: Reader, smallest set, test sets, and sizes of the training part.
DATA = {
    "simulated cytometry": (lambda: scgde.datasets.cytometry_cohort(180, seed=0), 10, 20, (10, 20, 40, 80, 160)),
    "COVID, blood": (covid, 10, 8, (6, 12, 24)),
    "OneK1K, blood": (onek1k, 10, 10, (8, 15, 30)),
    "IgAN, glomeruli": (igan_donors, 20, 100, (10, 20, 40, 80, 160, 320)),
}
#: Names of the arms, and how they are drawn.
ARMS = {
    "generated": ("scgde", {"color": "#0072B2", "linewidth": 2.5, "marker": "o"}),
    "mean_sd": ("own mean and sd", {"color": "#D55E00", "linestyle": "--"}),
    "mean": ("own mean", {"color": "#E69F00", "linestyle": "--"}),
    "gaussian": ("Gaussian of the known half", {"color": "#009E73", "linestyle": "--"}),
    "linear": ("linear embedding of the same size", {"color": "#CC79A7", "linestyle": ":"}),
    "nearest": ("nearest training set", {"color": "#56B4E9", "linestyle": ":"}),
}


def split_of(names: np.ndarray, n_test: int, n_train: int, rng: np.random.Generator) -> pd.Series:
    """Test sets that do not depend on ``n_train``, and so many of the others to train on."""
    order = rng.permutation(names)
    split = pd.Series("unused", index=order)
    split.iloc[:n_test] = "test"
    split.iloc[n_test : n_test + n_train] = "train"
    return split


def scored(adata: ad.AnnData, min_cells: int, steps: int, seed: int) -> dict[str, float]:
    """Mean over the test sets of each arm, relative to pooled cells."""
    used = adata[adata.obs["split"] != "unused"].copy()
    scgde.tl.fit_gde(
        used,
        "donor",
        use_rep="X",
        scaling="common",
        min_cells=min_cells,
        split_key="split",
        max_steps=steps,
        seed=seed,
        progress_bar=False,
    )
    scores = scgde.tl.score_generation(used, n_repeats=4, seed=seed).drop(columns=["set", "n_cells"]).mean()
    return {name: round(scores[name] / scores["pooled"], 4) for name in (*ARMS, "floor")}


def draw(path: str, table: pd.DataFrame) -> None:
    """A panel for each data set: score of each arm by the number of training sets."""
    names = list(table["data"].unique())
    figure, axes = plt.subplots(1, len(names), figsize=(3 * len(names), 3.1), sharey=True, layout="constrained")
    for ax, name in zip(np.atleast_1d(axes), names, strict=True):
        part = table[table["data"] == name].groupby("train")
        for arm, (label, style) in ARMS.items():
            median = part[arm].median()
            ax.plot(median.index, median, label=label, **style)
        low, high = part["generated"].min(), part["generated"].max()
        ax.fill_between(low.index, low, high, color="#0072B2", alpha=0.2, linewidth=0)
        ax.set(xscale="log", yscale="log", xlabel="training sets")
        steps = table.loc[table["data"] == name, "steps"].iloc[0]
        ax.set_title(f"{name}\n{steps:,} steps", fontsize="medium")
        ax.set_xticks(list(low.index), [str(n) for n in low.index], minor=False)
        ax.minorticks_off()
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set(ylabel="energy distance / pooled cells")
    for ax in axes:
        ax.axhline(1, color="0.7", linewidth=0.8, zorder=0)
        ax.yaxis.set_major_formatter("{x:g}")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    Path(path).parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=150)


def main() -> None:
    options = parser(__doc__, steps=2500)
    options.add_argument("--data", choices=list(DATA), action="append", help="by default all")
    options.add_argument("--draw", help="file for a figure of the committed results; nothing is run")
    arguments = options.parse_args()
    if arguments.draw:
        draw(arguments.draw, pd.read_csv(RESULTS / "how_many_sets.csv"))
        return
    torch.set_num_threads(arguments.threads)
    rows = []
    for name in arguments.data or DATA:
        read, min_cells, n_test, sizes = DATA[name]
        adata = read()
        counts = adata.obs["donor"].astype(str).value_counts()
        names = np.sort(counts.index[counts >= min_cells].to_numpy(dtype=str))
        for seed in arguments.seeds:
            for n_train in sizes:
                split = split_of(names, n_test, n_train, np.random.default_rng(seed))
                adata.obs["split"] = adata.obs["donor"].astype(str).map(split).fillna("unused").to_numpy()
                record = {"data": name, "seed": seed, "steps": arguments.steps, "train": n_train, "test": n_test}
                with timed(record):
                    scores = scored(adata, min_cells, arguments.steps, seed)
                rows.append(record | scores)
                print(rows[-1], flush=True)
    report(rows, arguments.name or "how_many_sets", accelerator="cpu")


if __name__ == "__main__":
    main()
