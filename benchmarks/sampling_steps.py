"""How many evaluations of the network does it take to sample a cell?

Validation sets, one in four, are embedded from a random half of their cells. Cells that are generated from the same
noise by several solvers and numbers of steps are scored on the other half (unbiased energy distance, mean over sets and
halves). ``relative``: to 100 evaluations of the midpoint rule, minus 1. Where the distance is near its noise, that
means little: ``difference`` is in units of the distance of pooled cells. ``time``: CPU seconds of the generation
relative to 16 evaluations of the midpoint rule.

    python benchmarks/sampling_steps.py --data larry
"""

from __future__ import annotations

import time
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

import few_sets
import scgde
from _common import DATA, parser, report
from scgde.data import SetIndex
from scgde.metrics import energy_distance
from scgde.results import FittedSets
from scgde.results._generation_scores import halves

if TYPE_CHECKING:
    from anndata import AnnData

#: Evaluations of the network a step.
SOLVERS = {"midpoint": 2, "heun": 2, "rk4": 4, "euler": 1}
EVALUATIONS = (4, 8, 16)
REFERENCE, USUAL = ("midpoint", 100), ("midpoint", 16)
MAX_SETS, N_CELLS = 60, 500
#: Without, and in cohorts of tens of donors with moments in the embedding.
ALL = {name: (read, columns) for name, (read, columns, _) in DATA.items()} | few_sets.DATA


def main() -> None:
    options = parser(__doc__, steps=600)
    options.add_argument("--data", choices=sorted(ALL), default="larry")
    options.add_argument("--repeats", type=int, default=2, help="random halves that each score is averaged over")
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    read, groupby = ALL[arguments.data]
    adata = read()
    scgde.pp.make_sets(adata, groupby, key_added="population")
    rows = []
    for seed in arguments.seeds:
        scgde.pp.split_sets(adata, key="population", fractions=(0.75, 0.25, 0.0), seed=seed)
        fit = {"use_rep": "X", "split_key": "split", "scaling": "common", "max_steps": arguments.steps, "seed": seed}
        scgde.tl.fit_gde(adata, "population", progress_bar=False, **fit)
        rows += [{"seed": seed} | row for row in scores(adata, seed, arguments.repeats)]
    table = report(rows, arguments.name or f"sampling_steps_{arguments.data}")
    print("\nmean over seeds\n", table.drop(columns="seed").groupby(["solver", "evaluations"], sort=False).mean())


def scores(adata: AnnData, seed: int, repeats: int) -> list[dict]:
    """Energy distance and time by solver and evaluations."""
    fitted, rng = FittedSets.read(adata, "gde"), np.random.default_rng(seed)
    model, generator = fitted.model, fitted.model.module.generator
    is_large = (fitted.index.sizes >= 10) & (fitted.split == "validation")
    chosen = rng.permutation(np.flatnonzero(is_large))[:MAX_SETS]
    found = []
    for repeat in range(repeats):
        parts = [halves(rng.permutation(fitted.index.rows(i))[:2000]) for i in chosen]
        embedding = model.embed_store(fitted.cells.encoder.store, SetIndex.from_rows([seen for seen, _ in parts]))
        unseen = [fitted.ground(half) for _, half in parts]
        pooled = fitted.ground(rng.choice(fitted.index.cells, N_CELLS))
        between = float(np.mean([energy_distance(pooled, truth, unbiased=True) for truth in unseen]))
        for solver, evaluations in [*product(SOLVERS, EVALUATIONS), ("midpoint", 32), REFERENCE]:
            generator.solver, generator.n_steps = solver, evaluations // SOLVERS[solver]
            start = time.process_time()
            cells = model.generate(embedding, N_CELLS, seed=repeat)
            row = {"solver": solver, "evaluations": evaluations, "seconds": time.process_time() - start}
            drawn = zip(map(model.ground, cells), unseen, strict=True)
            row["energy"] = float(np.mean([energy_distance(one, truth, unbiased=True) for one, truth in drawn]))
            found.append(row | {"pooled": between})
    table = pd.DataFrame(found).groupby(["solver", "evaluations"], sort=False).mean()
    best = table["energy"][REFERENCE]
    table["relative"] = table["energy"] / best - 1
    table["difference"] = (table["energy"] - best) / table["pooled"]
    table["time"] = table["seconds"] / table["seconds"][USUAL]
    return table.round(5).reset_index().to_dict("records")


if __name__ == "__main__":
    main()
