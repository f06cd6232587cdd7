"""From which year are these proteins of a virus?

Attachment proteins G of RSV; a set is year x region x subtype, of 8 proteins or more. Ten folds over sets: the sets of
a fold are embedded by a fit on the others, and the year is read off by ridge regression. Baselines: ridge on mean
counts of words of 1 to 3 residues, and the mean year. Of each held-out set, one half is embedded: nats of the proteins
of the other half, given this embedding, that of another held-out set, and the mean one; and generated proteins whose
nearest subtype, by words of two residues, is the right one.

    python benchmarks/viral_years.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.stats import ttest_rel

import scgde
from _common import data_path, parser, report, timed
from _sequences import mean_counts, ridge, word_counts
from scgde.model._likelihood import log_likelihood

if TYPE_CHECKING:
    import anndata as ad

N_FOLDS, N_GENERATED = 10, 20
OPTIONS = {
    "min_cells": 8,
    "sets_per_batch": 12,
    "set_size": 16,
    "moments": True,
    "validation_fraction": 0.0,
    "progress_bar": False,
    "accelerator": "cpu",
    "train_kwargs": {"target_size": 4, "lr": 4e-3, "ema_decay": 0.98},
}


def proteins() -> ad.AnnData:
    adata = scgde.datasets.viral_proteins(data_path("rsv_g_proteins.csv.gz"))
    adata = adata[adata.obs["region"].notna() & (adata.obs["sequence"].str.len() > 250)].copy()
    parts = adata.obs[["year", "region", "subtype"]].astype(str)
    adata.obs["set"] = parts["year"] + "_" + parts["region"] + "_" + parts["subtype"]
    adata = adata[adata.obs["set"].map(adata.obs["set"].value_counts()) >= 8].copy()
    scgde.pp.tokenize(adata, "sequence", alphabet="ACDEFGHIKLMNPQRSTVWYX")
    return adata


def run(seed: int, steps: int, n_fits: int) -> list[dict]:
    adata, rng = proteins(), np.random.default_rng(seed)
    names, codes = np.unique(adata.obs["set"], return_inverse=True)
    rows = [np.flatnonzero(codes == i) for i in range(len(names))]
    tokens = adata.obsm["X_tokens"]
    year = np.array([adata.obs["year"].to_numpy()[part].mean() for part in rows])
    fold = rng.permutation(len(names)) % N_FOLDS
    known = {"mean year": np.zeros((len(names), 0))}
    known |= {f"{k}-mers": mean_counts(word_counts(tokens, k, 21), rows) for k in (1, 2, 3)}
    errors: dict[str, list] = {name: [] for name in [*known, "scgde"]}
    likelihoods, right, cost = [], [], {}
    for f in range(n_fits):
        held, train = np.flatnonzero(fold == f), np.flatnonzero(fold != f)
        for name, x in known.items():
            guess = ridge(x[train], year[train], x[held]) if x.shape[1] else np.full(len(held), year[train].mean())
            errors[name] += list(np.abs(guess - year[held]))
        with timed(cost):
            mask = np.isin(codes, train)
            model = scgde.tl.fit_gde(adata, "set", use_rep="X_tokens", mask=mask, max_steps=steps, seed=seed, **OPTIONS)
        embedding = model.embed(tokens, codes)
        errors["scgde"] += list(np.abs(ridge(embedding[train], year[train], embedding[held]) - year[held]))
        halves = [np.array_split(rng.permutation(rows[i]), 2) for i in held]
        likelihoods += given(model, tokens, halves, embedding[train].mean(axis=0))
        right.append(subtypes(model, tokens, halves, adata.obs["subtype"].to_numpy(), seed))
    own, other, mean = np.array(likelihoods).T
    nats = {"own": own.mean(), "other": other.mean(), "mean": mean.mean(), "right_subtype": np.mean(right)}
    tests = {"p_other": ttest_rel(own, other).pvalue, "p_mean": ttest_rel(own, mean).pvalue}
    scores = [{"method": name, "year_error": np.mean(values)} for name, values in errors.items()]
    scores[-1] |= nats | tests | cost
    return [{"seed": seed, "folds": n_fits, **row} for row in scores]


def embed_half(model: scgde.model.GDE, tokens: np.ndarray, halves: list) -> np.ndarray:
    seen = [half[0] for half in halves]
    return model.embed(tokens[np.concatenate(seen)], np.repeat(np.arange(len(seen)), [len(part) for part in seen]))


def given(model: scgde.model.GDE, tokens: np.ndarray, halves: list, mean: np.ndarray) -> list[tuple]:
    """Nats a protein of the unseen half of each set, given its seen half, that of another set, and the mean."""
    z = embed_half(model, tokens, halves)
    pairs = [(x, (z[i], z[i - 1], mean)) for i, (_, x) in enumerate(halves)]
    return [tuple(-log_likelihood(model, tokens[x], one).mean() for one in known) for x, known in pairs]


def subtypes(model: scgde.model.GDE, tokens: np.ndarray, halves: list, subtype: np.ndarray, seed: int) -> float:
    """Share of generated proteins whose nearest real ones, by words of two residues, are of the subtype of the set."""
    drawn = model.generate(embed_half(model, tokens, halves), N_GENERATED, seed=seed)
    means = {name: word_counts(tokens[subtype == name], 2, 21).mean(axis=0) for name in np.unique(subtype)}
    names, centers = list(means), np.concatenate([np.asarray(mean) for mean in means.values()])
    words = word_counts(drawn.reshape(-1, drawn.shape[-1]), 2, 21).toarray()
    nearest = np.array(names)[np.square(words[:, None] - centers).sum(axis=-1).argmin(axis=1)]
    return float((nearest.reshape(len(halves), -1) == [[subtype[half[0][0]]] for half in halves]).mean())


if __name__ == "__main__":
    arguments = parser(__doc__, steps=200)
    arguments.add_argument("--folds", type=int, default=N_FOLDS, help="folds that are fitted, of ten")
    arguments = arguments.parse_args()
    torch.set_num_threads(arguments.threads)
    found = [row for seed in arguments.seeds for row in run(seed, arguments.steps, arguments.folds)]
    report(found, arguments.name or "viral_years", accelerator="cpu")
