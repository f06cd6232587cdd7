"""Which cheaper training loses nothing?

Fits that differ in one option, on the same training sets: half the cells per set for the encoder, matrix products in
bfloat16, 4 solver steps in place of 8 for the same fit. ``seconds``: CPU seconds of the fit, or of the generation.
``quality``: on Gaussian sets the Spearman correlation of latent L2 and Wasserstein-2 between held-out sets (isometry
0.1), else the unbiased energy distance of generated to unseen cells of held-out sets, the less the better.

    python benchmarks/training_savings.py --steps 300
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

import scgde
from _common import igan_donors, larry_clones, parser, report

if TYPE_CHECKING:
    from anndata import AnnData

ARMS: dict[str, dict[str, Any]] = {
    "default": {},
    "50 cells for the encoder": {"set_size": 50},
    "bfloat16": {"train_kwargs": {"precision": "bf16-mixed"}},
}


def gaussians(seed: int) -> tuple[AnnData, str | list[str], dict[str, Any]]:
    """Sets whose location and shape matter alike."""
    adata = scgde.datasets.gaussian_sets(1000, 200, prior="balanced", seed=seed)
    return adata, "set", {"isometry": 0.1}


def donors(seed: int) -> tuple[AnnData, str | list[str], dict[str, Any]]:
    return igan_donors(), "donor", {"min_cells": 2}


def clones(seed: int) -> tuple[AnnData, str | list[str], dict[str, Any]]:
    return larry_clones(), ["clone_id", "day"], {"min_cells": 10}


DATA = {"gaussians": gaussians, "igan": donors, "larry": clones}


def rows(name: str, seed: int, steps: int) -> list[dict]:
    """One row per arm."""
    adata, groupby, options = DATA[name](seed)
    scgde.pp.make_sets(adata, groupby, min_cells=options.get("min_cells", 10), key_added="sets")
    scgde.pp.split_sets(adata, key="sets", fractions=(0.7, 0.1, 0.2), seed=seed)
    found = []
    for arm, changed in ARMS.items():
        start = time.process_time()
        scgde.tl.fit_gde(
            adata, groupby, split_key="split", max_steps=steps, seed=seed, progress_bar=False, **options, **changed
        )
        seconds, record = time.process_time() - start, {"data": name, "seed": seed}
        found.append(record | {"arm": arm, "seconds": seconds, "quality": quality(adata, name, seed)})
        if arm == "default" and name != "gaussians":
            found += [record | row for row in generation(adata, seed)]
    return found


def generation(adata: AnnData, seed: int) -> list[dict]:
    """The same fit with 8 and with 4 steps of the midpoint rule."""
    found, model = [], scgde.results.read_model(adata, "gde")
    for n_steps in (8, 4):
        model.module.generator.n_steps = n_steps
        model._config["generator_kwargs"] = model._config["generator_kwargs"] | {"n_steps": n_steps}  # noqa: SLF001
        adata.uns["gde"]["model"] = scgde.results._store.to_entry(model)  # noqa: SLF001
        start = time.process_time()
        scgde.tl.generate(adata, n_cells=200, seed=seed)
        seconds = time.process_time() - start
        found.append({"arm": f"{n_steps} solver steps", "seconds": seconds, "quality": quality(adata, "", seed)})
    return found


def quality(adata: AnnData, name: str, seed: int) -> float:
    """On sets that the fit did not see."""
    if name != "gaussians":
        return float(scgde.tl.score_generation(adata, n_repeats=3, seed=seed)["generated"].mean())
    table = adata.uns["gde"]["sets"]
    test = np.flatnonzero(table["split"] == "test")
    truth = {part: values[test] for part, values in adata.uns["truth"].items()}
    pairs = np.triu_indices(len(test), 1)
    ends = [(truth["mean"][i], truth["covariance"][i]) for i in pairs]
    distance = scgde.metrics.gaussian_wasserstein(*ends[0], *ends[1])
    return float(spearmanr(pdist(adata.uns["gde"]["embedding"][test]), distance).statistic)


def main() -> None:
    options = parser(__doc__, steps=300)
    options.add_argument("--data", nargs="+", choices=list(DATA), default=list(DATA))
    arguments = options.parse_args()
    found = [row for seed in arguments.seeds for name in arguments.data for row in rows(name, seed, arguments.steps)]
    report(found, arguments.name or "training_savings")


if __name__ == "__main__":
    main()
