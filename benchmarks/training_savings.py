"""Which cheaper training loses nothing?

Fits that differ in one option, on the same training sets: half the cells per set for the encoder, matrix products in
bfloat16, encoder and backbone by ``torch.compile``, and 4 solver steps in place of 8 for the same fit. ``first``: CPU
seconds of a first fit of 5 steps, with those of the compiler. ``seconds``: of the fit after it, or of the generation.
``quality``, the less the better, on sets that chose nothing but when to stop: on Gaussian sets 1 minus the Spearman
correlation of latent L2 and Wasserstein-2 (isometry 0.1), else the unbiased energy distance of generated to unseen
cells. ``time`` and ``loss`` are relative to the default of the same data and seed: 0.7 and 0.02 for 30 % less time at a
quality that is 2 % worse.

    python benchmarks/training_savings.py --data gaussians --seeds 3
"""

from __future__ import annotations

import os
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

import scgde
from _common import igan_donors, larry_clones, parser, report
from few_sets import onek1k
from scgde.nn.backbones import BACKBONES
from scgde.nn.encoders import ENCODERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from anndata import AnnData

#: Validation sets that are scored, at most, each with so many halves.
MAX_SETS, N_REPEATS = 100, 3


@contextmanager
def compiled() -> Iterator[None]:
    """The networks of a default fit by ``torch.compile``, for sets of any size."""
    classes = (ENCODERS["pooled_gnn"], BACKBONES["mlp"])
    forwards = [one.forward for one in classes]
    for one, forward in zip(classes, forwards, strict=True):
        one.forward = _compiled(forward)
    try:
        yield
    finally:
        for one, forward in zip(classes, forwards, strict=True):
            one.forward = forward


@cache
def _compiled(function: Callable) -> Callable:
    return torch.compile(function, dynamic=True)


class Arm(NamedTuple):
    """Options of a fit, and what surrounds it."""

    options: dict[str, Any]
    surroundings: Callable[[], AbstractContextManager[None]] = nullcontext


ARMS = {
    "default": Arm({}),
    "50 cells for the encoder": Arm({"set_size": 50}),
    "bfloat16": Arm({"train_kwargs": {"precision": "bf16-mixed"}}),
    "torch.compile": Arm({}, compiled),
}


class Task(NamedTuple):
    """Cells, the column of their sets, and options of all fits."""

    adata: AnnData
    groupby: str | list[str]
    options: dict[str, Any]


def gaussians(seed: int) -> Task:
    """Sets whose location and shape matter alike."""
    adata = scgde.datasets.gaussian_sets(1000, 200, prior="balanced", seed=seed)
    return Task(adata, "set", {"isometry": 0.1})


def donors(seed: int) -> Task:
    return Task(igan_donors(), "donor", {})


def clones(seed: int) -> Task:
    return Task(larry_clones(), ["clone_id", "day"], {"min_cells": 10})


def cohort(seed: int) -> Task:
    return Task(onek1k(), "donor", {})


DATA = {"gaussians": gaussians, "igan": donors, "larry": clones, "onek1k": cohort}


def cpu_seconds() -> float:
    """Of this process and of compilers that it started."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def rows(name: str, seed: int, steps: int, arms: list[str]) -> list[dict]:
    """One row per arm."""
    adata, groupby, options = DATA[name](seed)
    min_cells = options.get("min_cells", 2)
    scgde.pp.make_sets(adata, groupby, min_cells=min_cells, key_added="sets")
    scgde.pp.split_sets(adata, key="sets", fractions=(0.75, 0.25, 0.0), seed=seed)
    options = {**options, "split_key": "split", "seed": seed, "progress_bar": False}

    def fit(arm: str, max_steps: int) -> float:
        changed, surroundings = ARMS[arm]
        start = cpu_seconds()
        with surroundings():
            scgde.tl.fit_gde(adata, groupby, max_steps=max_steps, **options, **changed)
        return cpu_seconds() - start

    found: list[dict] = []
    for arm in arms:
        row = {"arm": arm, "first": fit(arm, 5), "seconds": fit(arm, steps)}
        found.append(row | {"quality": quality(adata, name, seed)})
        print(name, seed, found[-1], flush=True)
        if arm == "default" and name != "gaussians":
            found += generation(adata, name, seed)
    return [{"data": name, "seed": seed} | row | relative(row, found) for row in found]


def relative(row: dict, found: list[dict]) -> dict:
    """Time and loss of quality relative to the default arm of the same data and seed."""
    base = next(one for one in found if one["arm"] == ("8 solver steps" if "solver" in row["arm"] else "default"))
    return {"time": row["seconds"] / base["seconds"], "loss": row["quality"] / base["quality"] - 1}


def generation(adata: AnnData, name: str, seed: int) -> list[dict]:
    """The same fit with 8 and with 4 steps of the midpoint rule."""
    found, model = [], scgde.results.read_model(adata, "gde")
    for n_steps in (8, 4):
        model.module.generator.n_steps = n_steps
        model._config["generator_kwargs"] = model._config["generator_kwargs"] | {"n_steps": n_steps}  # noqa: SLF001
        adata.uns["gde"]["model"] = scgde.results._store.to_entry(model)  # noqa: SLF001
        start = cpu_seconds()
        scgde.tl.generate(adata, n_cells=200, seed=seed)
        seconds = cpu_seconds() - start
        found.append({"arm": f"{n_steps} solver steps", "seconds": seconds, "quality": quality(adata, name, seed)})
    return found


def quality(adata: AnnData, name: str, seed: int) -> float:
    """On sets that the fit did not train on; the less, the better."""
    table = adata.uns["gde"]["sets"]
    chosen = np.flatnonzero(table["split"] == "validation")
    if name != "gaussians":
        some = table.index[np.random.default_rng(seed).permutation(chosen)[:MAX_SETS]].tolist()
        return float(scgde.tl.score_generation(adata, sets=some, n_repeats=N_REPEATS, seed=seed)["generated"].mean())
    truth = {part: values[chosen] for part, values in adata.uns["truth"].items()}
    ends = [(truth["mean"][i], truth["covariance"][i]) for i in np.triu_indices(len(chosen), 1)]
    distance = scgde.metrics.gaussian_wasserstein(*ends[0], *ends[1])
    return 1 - float(spearmanr(pdist(adata.uns["gde"]["embedding"][chosen]), distance).statistic)


def main() -> None:
    options = parser(__doc__, steps=300)
    options.add_argument("--data", choices=list(DATA), required=True)
    options.add_argument("--arms", nargs="+", choices=list(ARMS), default=list(ARMS), help="the default first")
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    found = []
    for seed in arguments.seeds:
        found += rows(arguments.data, seed, arguments.steps, arguments.arms)
    table = report(found, arguments.name or f"training_savings_{arguments.data}")
    print(table.groupby("arm", sort=False)[["time", "loss"]].agg(["mean", "min", "max"]).to_string())


if __name__ == "__main__":
    main()
