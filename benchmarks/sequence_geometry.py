"""Do distances between embeddings of sets of DNA follow Wasserstein-2, better than means of words?

Each sequence is one of three patterns of four bases, repeated to ten with a random start; a set is a multinomial over
the patterns. Over a grid of 55 multinomials, the Pearson correlation of latent distances with the Wasserstein-2
distance of the Gaussians of one trial (the simulation of the paper). Baselines: L2 between mean counts of words of 2 to
6 letters, and the distances of the shares that were drawn, the ceiling. `--hard` puts patterns of eight bases, of which
15 % are replaced, into 40 random ones.

    python benchmarks/sequence_geometry.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from scipy.spatial.distance import pdist

import scgde
from _common import parser, report, timed
from _sequences import mean_counts, word_counts
from scgde.metrics import gaussian_wasserstein

if TYPE_CHECKING:
    import anndata as ad

GRID = np.array([(i, j, 9 - i - j) for i in range(10) for j in range(10 - i)]) / 9
N_SETS, SIZES = 1000, (100, 2000)
#: Of the fit, besides steps and seed.
OPTIONS = {"sets_per_batch": 32, "set_size": 100, "progress_bar": False, "accelerator": "cpu"}
TRAIN = {"target_size": 16, "lr": 4e-3, "ema_decay": 0.98}
FITS = {
    "default": {},
    "masked flow": {"generator": "masked_flow"},
    "isometry, gaussian": {"isometry": 0.1, "isometry_ground": "gaussian"},
    "isometry": {"isometry": 0.1},
    "moments": {"moments": True},
    "moments and isometry": {"moments": True, "isometry": 0.1},
    "moments and isometry, gaussian": {"moments": True, "isometry": 0.1, "isometry_ground": "gaussian"},
}


class Simulation(NamedTuple):
    """Options of the simulator: three patterns, and how they stand in a sequence."""

    patterns: list[str]
    options: dict

    @classmethod
    def draw(cls, seed: int, *, hard: bool) -> Simulation:
        """Random patterns."""
        if hard:
            texts = np.random.default_rng(seed).choice(list("ACGT"), (3, 8))
            return cls(["".join(text) for text in texts], {"length": 40, "hidden": True, "noise": 0.15})
        adata = scgde.datasets.sequence_multinomial_sets(1, 1, seed=seed)
        return cls(adata.uns["truth"]["patterns"].tolist(), {"length": 10})

    def cells(self, shares: np.ndarray | None, n_cells: int, seed: int, n_sets: int | None = None) -> ad.AnnData:
        """Tokens of sets with these ``shares`` ``(S, 3)``, or random ones."""
        n = n_sets if shares is None else len(shares)
        made = scgde.datasets.sequence_multinomial_sets(
            n, n_cells, patterns=self.patterns, p=shares, seed=seed, **self.options
        )
        scgde.pp.tokenize(made, "sequence")
        return made


def wasserstein(shares: np.ndarray) -> np.ndarray:
    """Distance of the Gaussians of one trial, between all pairs of multinomials ``(S, 3)``."""
    covariance = np.stack([np.diag(p) - np.outer(p, p) for p in shares])
    a, b = np.triu_indices(len(shares), 1)
    return gaussian_wasserstein(shares[a], covariance[a], shares[b], covariance[b])


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def scores_of_words(tokens: np.ndarray, n_cells: int, exact: np.ndarray) -> dict[str, float]:
    rows = list(np.arange(len(tokens)).reshape(len(GRID), n_cells))
    means = {k: mean_counts(word_counts(tokens, k, 4), rows) for k in range(2, 7)}
    return {f"{k}-mers": correlation(pdist(mean), exact) for k, mean in means.items()}


def run(seed: int, *, hard: bool, steps: int, fits: list[str]) -> list[dict]:
    simulation = Simulation.draw(seed, hard=hard)
    train = simulation.cells(None, 140, seed + 100, N_SETS)
    exact, rows, record = wasserstein(GRID), [], {"simulation": "hard" if hard else "patterns", "seed": seed}
    tests = {n: simulation.cells(GRID, n, seed + 200) for n in SIZES}
    for n, test in tests.items():
        kind = test.obs["pattern"].cat.codes.to_numpy().reshape(len(GRID), n)
        observed = np.stack([(kind == k).mean(axis=1) for k in range(3)], axis=1)
        words = scores_of_words(test.obsm["X_tokens"], n, exact)
        for name, value in {**words, "ceiling": correlation(wasserstein(observed), exact)}.items():
            rows.append({**record, "method": name, "cells": n, "pearson": value})
    for name, options in {name: FITS[name] for name in fits}.items():
        cost: dict = {}
        with timed(cost):
            model = scgde.tl.fit_gde(
                train, "set", use_rep="X_tokens", max_steps=steps, seed=seed, **OPTIONS, **options, train_kwargs=TRAIN
            )
        for n, test in tests.items():
            embedding = model.embed(test.obsm["X_tokens"], np.repeat(np.arange(len(GRID)), n))
            score = {"pearson": correlation(pdist(embedding), exact)}
            rows.append({**record, "method": name, "cells": n, **score, **cost})
        if not hard:
            rows[-1] |= generated(model, simulation, seed)
    return rows


def generated(model: scgde.model.GDE, simulation: Simulation, seed: int) -> dict:
    """Share of generated sequences that are patterns, and largest error of their shares, which are 0.6, 0.3 and 0.1."""
    share = np.array([[0.6, 0.3, 0.1]])
    seen = simulation.cells(share, 2000, seed + 300)
    embedding = model.embed(seen.obsm["X_tokens"], np.zeros(2000, dtype=int))
    drawn = model.target_representation.to_adata(model.generate(embedding, 2000)[0], seen.obs[["set"]]).obs["sequence"]
    repeated = [pattern * 4 for pattern in simulation.patterns]
    found = np.array([[len(text) == 10 and text in one for one in repeated] for text in drawn])
    return {"exact": found.any(axis=1).mean(), "share_error": np.abs(found.mean(axis=0) - share[0]).max()}


if __name__ == "__main__":
    arguments = parser(__doc__, steps=600)
    arguments.add_argument("--hard", action="store_true", help="patterns of eight in 40 random bases, with noise")
    arguments.add_argument("--fits", nargs="+", choices=list(FITS), default=list(FITS))
    arguments = arguments.parse_args()
    torch.set_num_threads(arguments.threads)
    options = {"hard": arguments.hard, "steps": arguments.steps, "fits": arguments.fits}
    found = [row for seed in arguments.seeds for row in run(seed, **options)]
    default = "sequence_geometry_hard" if arguments.hard else "sequence_geometry"
    report(found, arguments.name or default, accelerator="cpu")
