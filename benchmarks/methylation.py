"""Of which tissue is this sample, by few or by many bisulfite reads?

Ten simulated tissues of six samples, 1,000 regions; two samples of each tissue are held out of the fit. ``accuracy``:
share of the held-out samples whose tissue has the nearest centre of training samples, from 5,000 reads of each sample
and from 500. Baselines, with the same rule and also with knowledge of the region of each read, which the fit does not
have: mean methylation of each region, share of unmethylated reads of each region, and mean counts of words.
``label``: the same fit with the tissues of the training samples.

    python benchmarks/methylation.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.spatial.distance import cdist

import scgde
from _common import parser, report, timed
from _sequences import mean_counts, word_counts

if TYPE_CHECKING:
    import anndata as ad

N_TISSUES, N_SAMPLES, N_HELD, SIZES = 10, 6, 2, (5000, 500)
OPTIONS = {
    "sets_per_batch": 20,
    "set_size": 400,
    "validation_fraction": 0.0,
    "progress_bar": False,
    "accelerator": "cpu",
    "train_kwargs": {"target_size": 16, "lr": 4e-3, "ema_decay": 0.98},
}
ARMS: dict[str, dict[str, Any]] = {
    "scgde": {},
    "scgde, conv1d": {"featurizer": "conv1d"},
    "scgde, label": {"label_key": "tissue"},
}


def accuracy(x: np.ndarray, tissue: np.ndarray, held: np.ndarray) -> float:
    """Share of held-out samples ``(60, D)`` whose nearest centre of training samples is that of their tissue."""
    centers = np.stack([x[~held & (tissue == i)].mean(axis=0) for i in range(N_TISSUES)])
    return float((cdist(x[held], centers).argmin(axis=1) == tissue[held]).mean())


def by_region(values: np.ndarray, adata: ad.AnnData, rows: list[np.ndarray]) -> np.ndarray:
    """Mean value of the reads of each region in each sample; that of all reads of the region where there are none."""
    region = adata.obs["region"].cat.codes.to_numpy()
    n = region.max() + 1
    pooled = np.bincount(region, values, n) / np.maximum(np.bincount(region, minlength=n), 1)
    sums = np.stack([np.bincount(region[part], values[part], n) for part in rows])
    counts = np.stack([np.bincount(region[part], minlength=n) for part in rows])
    return np.where(counts > 0, sums / np.maximum(counts, 1), pooled)


def run(seed: int, steps: int) -> list[dict]:
    adata = scgde.datasets.methylation_sets(N_TISSUES, N_SAMPLES, SIZES[0], seed=seed)
    scgde.pp.tokenize(adata, "sequence", alphabet="CTN")
    tokens, sample = adata.obsm["X_tokens"], adata.obs["sample"].cat.codes.to_numpy()
    tissue = np.arange(N_TISSUES * N_SAMPLES) // N_SAMPLES
    held = np.arange(N_TISSUES * N_SAMPLES) % N_SAMPLES < N_HELD
    methylated, unmethylated = (tokens == 1).sum(axis=1), (tokens == 2).sum(axis=1)
    share, words = methylated / (methylated + unmethylated), word_counts(tokens, 4, 3)
    train, models = ~held[sample], {}
    for name, options in ARMS.items():
        record: dict = {}
        with timed(record):
            model = scgde.tl.fit_gde(
                adata,
                "sample",
                use_rep="X_tokens",
                mask=train,
                max_steps=steps,
                seed=seed,
                **OPTIONS,
                **options,
            )
        models[name] = (model, record)
    rows = []
    for n in SIZES:
        parts = [np.flatnonzero(sample == i)[:n] for i in range(len(tissue))]
        known = {
            "mean methylation of regions": by_region(share, adata, parts),
            "unmethylated reads of regions": by_region((methylated == 0).astype(float), adata, parts),
            "4-mer means": mean_counts(words, parts),
        }
        taken, codes = np.concatenate(parts), np.repeat(np.arange(len(tissue)), n)
        known |= {name: model.embed(tokens[taken], codes) for name, (model, _) in models.items()}
        rows += [
            {"seed": seed, "method": name, "reads": n, "accuracy": accuracy(x, tissue, held)}
            | (models[name][1] if name in models else {})
            for name, x in known.items()
        ]
    return rows


def main() -> None:
    arguments = parser(__doc__, steps=300).parse_args()
    torch.set_num_threads(arguments.threads)
    rows = [row for seed in arguments.seeds for row in run(seed, arguments.steps)]
    report(rows, arguments.name or "methylation", accelerator="cpu")


if __name__ == "__main__":
    main()
