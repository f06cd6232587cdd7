"""What can a set learn from the others? The probability of zero, from n Poisson counts.

A set is n draws from a Poisson distribution, lambda ~ Gamma(shape 2, scale 2) over sets. Mean squared error of
P(X = 0) = exp(-lambda) over 1,000 new sets:

``naive``: the share of zeros. ``rao_blackwell``: (1 - 1/n) ** (sum of counts), the best unbiased estimate. ``gde``: the
share of zeros among 2,000 counts generated from the embedding of the n counts; one fit for each n, in which the encoder
sees n counts of a set and the generator others, so that it learns what n counts say. ``posterior_mean``: of the true
prior, the least error that there is. Counts become real numbers by uniform noise of width one, and counts again by
rounding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anndata as ad
import numpy as np
import pandas as pd

import scgde
from _common import timed

if TYPE_CHECKING:
    import argparse

SHAPE, SCALE = 2.0, 2.0
SIZES = (10, 100, 1000)
N_TRAIN, TARGET_CELLS = 8_000, 32
N_TEST, N_GENERATED = 1_000, 2_000
#: Slots of a batch that the encoder sees: fewer sets where they are large.
SLOTS = 12_800
NETWORKS: dict[str, Any] = {
    "n_latent": 8,
    "encoder_kwargs": {"n_hidden": 64},
    "generator_kwargs": {"n_steps": 8, "backbone_kwargs": {"n_hidden": 64, "n_layers": 3}},
}


def run(experiment: str, arguments: argparse.Namespace) -> list[dict]:
    """Rows of a table, by n and seed."""
    seeds = arguments.seeds
    return [_row(n, seed, arguments) for n in SIZES for seed in seeds]


def _row(n: int, seed: int, arguments: argparse.Namespace) -> dict:
    record: dict = {"n": n, "seed": seed}
    model = _fit(n, seed, arguments, record)
    rng = np.random.default_rng([1000 + seed, n])
    rate = rng.gamma(SHAPE, SCALE, size=N_TEST)
    counts = rng.poisson(rate[:, None], size=(N_TEST, n))
    truth = np.exp(-rate)
    for name, value in estimates(counts, model, rng).items():
        record[name] = float(f"{np.mean((value - truth) ** 2):.3g}")
    return record


def estimates(counts: np.ndarray, model: scgde.model.GDE, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """P(X = 0) of each set ``(S, n)``, by each method."""
    n_sets, n = counts.shape
    total = counts.sum(axis=1)
    embedding = model.embed(_on_a_line(counts.reshape(-1, 1), rng), np.repeat(np.arange(n_sets), n))
    return {
        "naive": (counts == 0).mean(axis=1),
        "rao_blackwell": (1 - 1 / n) ** total,
        "gde": (model.generate(embedding, N_GENERATED)[..., 0] < 0.5).mean(axis=1),
        # E exp(-lambda) under the posterior, Gamma(shape + total, rate 1 / scale + n).
        "posterior_mean": ((1 / SCALE + n) / (1 / SCALE + n + 1)) ** (SHAPE + total),
    }


def _fit(n: int, seed: int, arguments: argparse.Namespace, record: dict) -> scgde.model.GDE:
    rng = np.random.default_rng([seed, n])
    n_sets = min(N_TRAIN, 4_000_000 // n)
    rate = np.repeat(rng.gamma(SHAPE, SCALE, size=n_sets), n + TARGET_CELLS)
    obs = pd.DataFrame({"population": np.repeat(np.arange(n_sets), n + TARGET_CELLS)}).rename(index=str)
    train = ad.AnnData(_on_a_line(rng.poisson(rate)[:, None], rng), obs=obs)
    with timed(record):
        return scgde.tl.fit_gde(
            train,
            "population",
            use_rep="X",
            set_size=n,
            sets_per_batch=int(np.clip(SLOTS // n, 16, 128)),
            validation_fraction=0.02,
            max_steps=arguments.steps,
            seed=seed,
            progress_bar=False,
            **NETWORKS,
        )


def _on_a_line(counts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return (counts + rng.random(counts.shape) - 0.5).astype(np.float32)
