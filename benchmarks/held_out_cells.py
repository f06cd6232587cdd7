"""How close are cells generated for held-out sets to cells that the encoder did not see?

One set in five is held out of every step of the fit. Each is embedded from a random half of its cells, and
generated cells are scored on the other half: unbiased energy distance (2 E|x-y| - E|x-x'| - E|y-y'|, floor 0),
mean over the held-out sets of at least 10 cells, beside the baselines of `tl.score_generation`; floor: one half against
the other.

    python benchmarks/held_out_cells.py --data igan
    python benchmarks/held_out_cells.py --data larry
"""

from __future__ import annotations

import argparse

import torch

import scgde
from _common import DATA, parser, report, timed


def main() -> None:
    options = parser(__doc__, steps=1000)
    options.add_argument("--data", choices=sorted(DATA), required=True)
    options.add_argument("--repeats", type=int, default=5, help="random halves that each score is averaged over")
    options.add_argument("--encoder", default="pooled_gnn")
    options.add_argument("--generator", default="flow_matching")
    options.add_argument("--isometry", type=float, default=0.0)
    options.add_argument("--moments", action=argparse.BooleanOptionalAction, help="by default those of the package")
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)

    read, groupby, min_cells = DATA[arguments.data]
    adata = read()
    scgde.pp.make_sets(adata, groupby, min_cells=min_cells, key_added="population")
    rows = []
    for seed in arguments.seeds:
        scgde.pp.split_sets(adata, key="population", fractions=(0.72, 0.08, 0.2), seed=seed)
        record = {"data": arguments.data, "seed": seed, "encoder": arguments.encoder, "generator": arguments.generator}
        with timed(record):
            model = scgde.tl.fit_gde(
                adata,
                "population",
                split_key="split",
                min_cells=min_cells,
                encoder=arguments.encoder,
                generator=arguments.generator,
                isometry=arguments.isometry,
                moments=arguments.moments,
                scaling="none",
                max_steps=arguments.steps,
                seed=seed,
                progress_bar=False,
            )
        scores = scgde.tl.score_generation(adata, n_repeats=arguments.repeats, seed=seed)
        means = scores.drop(columns=["set", "n_cells"]).mean()
        record |= {"steps": model.history["step"].max(), "sets": len(scores)} | means.round(4).to_dict()
        rows.append(record | {"ratio": round(means["generated"] / means["pooled"], 4)})
    name = arguments.name or f"held_out_cells_{arguments.data}_{arguments.encoder}_{arguments.generator}"
    report(rows, name)


if __name__ == "__main__":
    main()
