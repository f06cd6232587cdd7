"""How many evaluations of the network does it take to sample a cell?

One set in five is held out, embedded from a random half of its cells, and the generated cells are scored on the other
half (unbiased energy distance, mean over sets and halves), for several solvers and numbers of steps, with the same
noise. ``relative``: to 100 evaluations of the midpoint rule, minus 1.

    python benchmarks/sampling_steps.py --data larry
"""

from __future__ import annotations

import json
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import torch

import scgde
from _common import DATA, parser, report

if TYPE_CHECKING:
    from anndata import AnnData

#: Evaluations of the network a step.
SOLVERS = {"euler": 1, "midpoint": 2, "heun": 2, "rk4": 4}
EVALUATIONS = (4, 8, 16, 32)
REFERENCE = ("midpoint", 100)
MAX_SETS = 100


def main() -> None:
    options = parser(__doc__, steps=1000)
    options.add_argument("--data", choices=sorted(DATA), default="larry")
    options.add_argument("--repeats", type=int, default=2, help="random halves that each score is averaged over")
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    read, groupby, _ = DATA[arguments.data]
    adata = read()
    scgde.pp.make_sets(adata, groupby, key_added="population")
    rows = []
    for seed in arguments.seeds:
        scgde.pp.split_sets(adata, key="population", fractions=(0.72, 0.08, 0.2), seed=seed)
        scgde.tl.fit_gde(
            adata,
            "population",
            split_key="split",
            scaling="none",
            max_steps=arguments.steps,
            seed=seed,
            progress_bar=False,
        )
        rows += scores(adata, seed, arguments.repeats)
    table = report(rows, arguments.name or f"sampling_steps_{arguments.data}")
    by = ["solver", "evaluations"]
    print("\nmedian over seeds\n", table.drop(columns="seed").groupby(by, sort=False).median().to_string())


def scores(adata: AnnData, seed: int, repeats: int) -> list[dict]:
    """Energy distance by solver and evaluations."""
    rows, model = [], adata.uns["gde"]["model"]
    config = json.loads(model["config"])
    table = adata.uns["gde"]["sets"]
    held_out = table.index[table["split"] == "test"]
    some = np.random.default_rng(seed).permutation(held_out)[:MAX_SETS]
    for solver, evaluations in [*product(SOLVERS, EVALUATIONS), REFERENCE]:
        solved = {"solver": solver, "n_steps": evaluations // SOLVERS[solver]}
        model["config"] = json.dumps(config | {"init": config["init"] | {"generator_kwargs": solved}})
        energy = scgde.tl.score_generation(adata, sets=some, n_repeats=repeats, seed=seed)["generated"].mean()
        rows.append({"solver": solver, "evaluations": evaluations, "seed": seed, "energy": round(energy, 5)})
    return [row | {"relative": round(row["energy"] / rows[-1]["energy"] - 1, 3)} for row in rows]


if __name__ == "__main__":
    main()
