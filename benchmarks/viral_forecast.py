"""Are the proteins of next year more likely under a forecast embedding than under that of this year?

Attachment proteins G of RSV; a set is year x region x subtype, of 8 proteins or more. A fit and a predictor see the
years up to 2020; a pair is a set and the one of the following year, region and subtype. Of the pairs that end after
2020 (19), nats of each protein of the second set given: the forecast from the first set by ridge regression on the
embedding (``scgde.predictors``), and this moved half way from the first set. Baselines: the embedding of the first set
(``this year``), the same moved by the mean step of the training pairs (``mean step``), and the mean embedding. Best
possible: the embedding of the other half of the second set.

    python benchmarks/viral_forecast.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.stats import ttest_rel

import scgde
from _common import parser, report, timed
from scgde.model._likelihood import log_likelihood
from viral_years import OPTIONS, proteins

if TYPE_CHECKING:
    import anndata as ad

LAST = 2020


def run(seed: int, steps: int) -> list[dict]:
    adata = proteins()
    names, codes = np.unique(adata.obs["set"].astype(str), return_inverse=True)
    year = np.array([float(name.split("_")[0]) for name in names])
    mask, cost = year[codes] <= LAST, {}
    with timed(cost):
        model = scgde.tl.fit_gde(adata, "set", use_rep="X_tokens", mask=mask, max_steps=steps, seed=seed, **OPTIONS)
    z = model.embed(adata.obsm["X_tokens"], codes)
    source, target = following(names)
    known = year[target] <= LAST
    forecasts = forecast(z, source, target, known, z[year <= LAST].mean(axis=0))
    nats = np.array([given(model, adata, codes, *pair, seed) for pair in zip(forecasts, target[~known], strict=True)])
    best = [*forecasts[0], "other half"]
    this_year = nats[:, best.index("this year")]
    rows = []
    for name, values in zip(best, nats.T, strict=True):
        row = {"seed": seed, "method": name, "pairs": len(values), "nats": values.mean()}
        rows.append(row | ({} if name == "this year" else {"p_this_year": ttest_rel(values, this_year).pvalue}))
    rows[0] |= cost
    return rows


def following(names: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of sets, and of the sets of the same region and subtype one year later, where there is one."""
    parts = [name.split("_") for name in names]
    position = {(float(year), *kind): i for i, (year, *kind) in enumerate(parts)}
    pairs = [(i, position[year + 1, *kind]) for (year, *kind), i in position.items() if (year + 1, *kind) in position]
    source, target = np.array(pairs).T
    return source, target


def forecast(
    z: np.ndarray, source: np.ndarray, target: np.ndarray, known: np.ndarray, mean: np.ndarray
) -> list[dict[str, np.ndarray]]:
    """Embeddings by the name of the method, for each pair that is not known."""
    ridge = scgde.predictors.make_predictor("ridge", None)
    ridge.fit(z[source[known]], z[target[known]])
    step, now = (z[target[known]] - z[source[known]]).mean(axis=0), z[source[~known]]
    moved = ridge.mean(now)
    methods = {"ridge": moved, "ridge, half way": (moved + now) / 2, "this year": now, "mean step": now + step}
    return [{**{name: x[i] for name, x in methods.items()}, "mean": mean} for i in range(len(now))]


def given(model: scgde.model.GDE, adata: ad.AnnData, codes: np.ndarray, known: dict, target: int, seed: int) -> list:
    """Nats a protein of one half of a set, given each embedding and that of the other half."""
    rows = np.random.default_rng(seed).permutation(np.flatnonzero(codes == target))
    seen, unseen = (adata.obsm["X_tokens"][part] for part in np.array_split(rows, 2))
    other = model.embed(seen, np.zeros(len(seen), dtype=int))[0]
    return [-log_likelihood(model, unseen, one).mean() for one in (*known.values(), other)]


if __name__ == "__main__":
    arguments = parser(__doc__, steps=200).parse_args()
    torch.set_num_threads(arguments.threads)
    found = [row for seed in arguments.seeds for row in run(seed, arguments.steps)]
    report(found, arguments.name or "viral_forecast", accelerator="cpu")
