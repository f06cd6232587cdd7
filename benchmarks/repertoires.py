"""Whose receptors are these, and do generated ones follow their donor?

Twelve donors, productive CDR3b with the V gene as first token, each donor halved at random: one half is fitted, of the
other one n clonotypes are embedded and the nearest donor taken. Baselines: the nearest donor by V usage, by lengths and
by shares of words. Generated receptors are compared with the other half by total variation, beside the own half (the
best that can be expected) and receptors of all donors. Nats a token of receptors of the other half, given the
embedding of their donor, of another donor, the mean one, and by an unconditional model of the same steps.

    python benchmarks/repertoires.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from scipy.spatial.distance import cdist

import scgde
from _common import data_path, parser, report, timed
from _sequences import frequencies, shares, total_variation, word_counts
from scgde.model._likelihood import log_likelihood

if TYPE_CHECKING:
    import anndata as ad

SIZES, N_REPEATS, N_GENERATED, N_SCORED = (100, 300, 1000), 20, 2000, 1000
OPTIONS = {
    "sets_per_batch": 12,
    "set_size": 100,
    "validation_fraction": 0.0,
    "progress_bar": False,
    "accelerator": "cpu",
    "train_kwargs": {"target_size": 64, "lr": 4e-3, "ema_decay": 0.98},
}


def receptors() -> ad.AnnData:
    adata = scgde.datasets.tcr(data_path("tcr_immunarch_ms_12donors.csv.gz"))
    scgde.pp.tokenize(adata, "cdr3_aa", alphabet="protein", first_key="v")
    return adata


def spectra(tokens: np.ndarray) -> dict[str, np.ndarray]:
    """What repertoires are compared by: shares of lengths, V genes and words."""
    words = {f"{k}-mers": shares(word_counts(tokens, k, 20)) for k in (2, 3)}
    return {"length": frequencies((tokens > 0).sum(axis=1), 40), "V": frequencies(tokens[:, 0], 256), **words}


def identify(codes: np.ndarray, rng: np.random.Generator, n_cells: int, guess) -> float:
    """Share of draws of ``n_cells`` receptors of each donor that ``guess`` gives to their donor."""
    donors = np.arange(codes.max() + 1)
    draws = [[rng.choice(np.flatnonzero(codes == i), n_cells, replace=False) for i in donors] for _ in range(N_REPEATS)]
    return float(np.mean([guess(rows) == donors for rows in draws]))


def by_spectrum(name: str, known: list[dict], tokens: np.ndarray, rows: list[np.ndarray]) -> np.ndarray:
    found = [spectra(tokens[part])[name] for part in rows]
    return cdist(found, [one[name] for one in known], "cityblock").argmin(axis=1)


def by_embedding(model: scgde.model.GDE, known: np.ndarray, tokens: np.ndarray, rows: list[np.ndarray]) -> np.ndarray:
    codes = np.repeat(np.arange(len(rows)), [len(part) for part in rows])
    return cdist(model.embed(tokens[np.concatenate(rows)], codes), known).argmin(axis=1)


def run(seed: int, steps: int) -> list[dict]:
    adata, rng = receptors(), np.random.default_rng(seed)
    first = rng.random(adata.n_obs) < 0.5
    fitted, rest = adata[first].copy(), adata[~first].copy()
    cost: dict = {}
    with timed(cost):
        model = scgde.tl.fit_gde(fitted, "donor", use_rep="X_tokens", max_steps=steps, seed=seed, **OPTIONS)
    names, embedding = fitted.uns["gde"]["sets"].index, fitted.uns["gde"]["embedding"]
    own = pd.Categorical(fitted.obs["donor"], categories=names).codes
    codes = pd.Categorical(rest.obs["donor"], categories=names).codes
    seen, tokens = fitted.obsm["X_tokens"], rest.obsm["X_tokens"]
    known = [spectra(seen[own == i]) for i in range(len(names))]
    rows = [{"method": "scgde", **cost}, *({"method": name} for name in known[0])]
    for n in SIZES:
        draws = np.random.default_rng(seed)
        rows[0][f"donor_{n}"] = identify(codes, draws, n, lambda x: by_embedding(model, embedding, tokens, x))
        for row in rows[1:]:
            name, draws = row["method"], np.random.default_rng(seed)
            row[f"donor_{n}"] = identify(codes, draws, n, lambda x, name=name: by_spectrum(name, known, tokens, x))
    truth = [spectra(tokens[codes == i]) for i in range(len(names))]
    clouds = {
        "scgde": model.generate(embedding, N_GENERATED, seed=seed),
        "own half": [seen[rng.choice(np.flatnonzero(own == i), N_GENERATED)] for i in range(len(names))],
        "all donors": [seen[rng.choice(len(seen), N_GENERATED)] for _ in names],
    }
    rows += [{"method": name} for name in list(clouds)[1:]]
    for row in rows:
        for spectrum in known[0] if row["method"] in clouds else ():
            parts = zip(clouds[row["method"]], truth, strict=True)
            values = [total_variation(spectra(cloud)[spectrum], one[spectrum]) for cloud, one in parts]
            row[f"tv_{spectrum}"] = np.mean(values)
    rows[0] |= nats(model, embedding, tokens, codes, rng)
    rows.append({"method": "told nothing", "own": unconditional(fitted, tokens, codes, steps, seed)})
    return [{"seed": seed, **row} for row in rows]


def nats(
    model: scgde.model.GDE, embedding: np.ndarray, tokens: np.ndarray, codes: np.ndarray, rng: np.random.Generator
) -> dict[str, float]:
    """Nats a token of receptors of the other half, by the embedding that is given."""
    own = scored(model, embedding, tokens, codes)
    shifted = scored(model, np.roll(embedding, rng.integers(1, len(embedding)), axis=0), tokens, codes)
    mean = scored(model, np.repeat(embedding.mean(axis=0)[None], len(embedding), axis=0), tokens, codes)
    return {"own": own.mean(), "other": shifted.mean(), "mean": mean.mean(), "all_better": bool((own < shifted).all())}


def scored(model: scgde.model.GDE, embedding: np.ndarray, tokens: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Nats a token of each donor, shape ``(S,)``."""
    parts = [tokens[codes == i][:N_SCORED] for i in range(len(embedding))]
    found = zip(parts, embedding, strict=True)
    return np.array([-log_likelihood(model, x, z).sum() / ((x > 0).sum() + len(x)) for x, z in found])


def unconditional(fitted: ad.AnnData, tokens: np.ndarray, codes: np.ndarray, steps: int, seed: int) -> float:
    """Nats a token by a model that was trained on random sets of receptors of all donors."""
    pooled = fitted.copy()
    pooled.obs["random"] = np.random.default_rng(seed).permutation(fitted.obs["donor"].to_numpy())
    model = scgde.tl.fit_gde(pooled, "random", use_rep="X_tokens", max_steps=steps, seed=seed, **OPTIONS)
    mean = model.get_embedding().to_numpy().mean(axis=0)
    return float(scored(model, np.repeat(mean[None], codes.max() + 1, axis=0), tokens, codes).mean())


if __name__ == "__main__":
    arguments = parser(__doc__, steps=400).parse_args()
    torch.set_num_threads(arguments.threads)
    found = [row for seed in arguments.seeds for row in run(seed, arguments.steps)]
    report(found, arguments.name or "repertoires", accelerator="cpu")
