"""How many CPU seconds of training until latent distances follow Wasserstein-2, and generated cells their sets?

Gaussian sets with inverse Wishart covariances, 4,000 for training. Fits of more and more steps, each from the start;
``seconds`` are CPU seconds of the fit, with what comes before and after the steps. Scores are those of `geometry.py`,
on held-out sets: Spearman correlation of latent distances with Wasserstein-2, and squared Wasserstein-2 of
generated cells.

    python benchmarks/time_to_quality.py
"""

from __future__ import annotations

import time

import numpy as np
import torch

import scgde
from _common import parser, report
from _gaussian_geometry import FAMILIES, N_GENERATED, N_TEST, TEST_CELLS, TRAIN_CELLS, Exact

ARMS = {"default": {}, "learnt, isometry": {"moments": False, "isometry": 0.1}}
OPTIONS = {"use_rep": "X", "scaling": "common", "validation_fraction": 0.0, "progress_bar": False}
N_TRAIN, STEPS = 4_000, (10, 50, 200)


def run(seed: int) -> list[dict]:
    """One row per arm and number of steps."""
    family = FAMILIES["gaussian_geometry"]["gaussians, inverse Wishart, d = 2"]
    train, test = family.draw(N_TRAIN, TRAIN_CELLS, seed), family.draw(N_TEST, 2 * TEST_CELLS, seed + 1000)
    exact, rows = Exact(family, test), []
    codes = np.repeat(np.arange(N_TEST), TEST_CELLS)
    for arm, options in ARMS.items():
        for steps in STEPS:
            start = time.process_time()
            model = scgde.tl.fit_gde(train, "set", max_steps=steps, seed=seed, **OPTIONS, **options)
            row = {"seed": seed, "arm": arm, "steps": steps, "seconds": round(time.process_time() - start, 1)}
            embedding = model.embed(exact.seen.reshape(len(codes), -1), codes)
            cells = model.generate(embedding[:N_GENERATED], 2 * TEST_CELLS)
            rows.append(row | exact.correlation(embedding) | exact.reconstruction(cells))
            print(rows[-1], flush=True)
    return rows


def main() -> None:
    arguments = parser(__doc__, steps=0).parse_args()
    torch.set_num_threads(arguments.threads)
    report([row for seed in arguments.seeds for row in run(seed)], arguments.name or "time_to_quality")


if __name__ == "__main__":
    main()
