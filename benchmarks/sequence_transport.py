"""Do moved sequences have the shares of their target, and is what need not change kept?

Sets of DNA, each sequence one of three patterns of four bases, repeated to ten with a random start: multinomials over
the patterns. Sets that the fit has not seen are moved to each other by `transport="masked_flow"`: total variation of
their patterns to those of the target, sequences that are patterns, and sequences that keep their pattern.
Baselines: the unchanged source; sequences that a generator (`generator="masked_flow"`, equal steps) draws for the
target; and real sequences of the target, the floor.

    python benchmarks/sequence_transport.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

import scgde
from _common import parser, report, timed

if TYPE_CHECKING:
    import anndata as ad

N_SETS, N_CELLS, N_NEW = 400, 100, 24
OPTIONS = {"sets_per_batch": 32, "set_size": 80, "progress_bar": False, "accelerator": "cpu"}
TRAIN = {"target_size": 16, "lr": 4e-3, "ema_decay": 0.98}


def simulated(n_sets: int, n_cells: int, seed: int, patterns: list[str] | int = 3) -> ad.AnnData:
    adata = scgde.datasets.sequence_multinomial_sets(n_sets, n_cells, patterns=patterns, seed=seed)
    scgde.pp.tokenize(adata, "sequence")
    return adata


def kinds(texts: np.ndarray, patterns: list[str]) -> np.ndarray:
    """Number of the pattern that each sequence consists of, -1 for none."""
    found = np.array([[len(text) == 10 and text in pattern * 4 for pattern in patterns] for text in texts])
    return np.where(found.any(axis=1), found.argmax(axis=1), -1)


def scores(kind: np.ndarray, truth: np.ndarray, before: np.ndarray | None = None) -> dict[str, float]:
    """Of sequences by pattern ``(n,)`` of one set, given the true shares ``(3,)``."""
    share = np.array([(kind == k).mean() for k in range(3)])
    kept = {} if before is None else {"kept": (kind == before).mean()}
    return {"variation": 0.5 * (np.abs(share - truth).sum() + (kind < 0).mean()), "exact": (kind >= 0).mean(), **kept}


def run(seed: int, steps: int) -> list[dict]:
    train = simulated(N_SETS, N_CELLS, seed + 100)
    patterns = train.uns["truth"]["patterns"].tolist()
    new, cost, options = simulated(N_NEW, 500, seed + 200, patterns), {}, {**OPTIONS, "train_kwargs": TRAIN}
    names, kind = new.obs["set"].unique(), kinds(new.obs["sequence"].to_numpy(), patterns)
    of_set = [kind[(new.obs["set"] == name).to_numpy()] for name in names]
    truth = [np.array([(part == k).mean() for k in range(3)]) for part in of_set]
    source, target = np.arange(N_NEW // 2), np.arange(N_NEW // 2, N_NEW)
    with timed(cost):
        pairs = np.array(train.obs["set"].unique()).reshape(-1, 2)
        fit = {"pairs": pairs, "transport": "masked_flow", "predictor": None, "max_steps": steps, "seed": seed}
        scgde.tl.fit_tde(train, "set", use_rep="X_tokens", **fit, **options)
    scgde.tl.embed(new, train, key="tde")
    moved = scgde.tl.transport(new, list(names[source]), list(names[target]), seed=seed)
    scgde.tl.fit_gde(train, "set", use_rep="X_tokens", generator="masked_flow", max_steps=steps, seed=seed, **options)
    scgde.tl.embed(new, train, key="gde")
    drawn = scgde.tl.generate(new, list(names[target]), n_cells=500, seed=seed)
    found = {
        "masked flow": kinds(moved.obs["sequence"].to_numpy(), patterns).reshape(len(source), -1),
        "generated": kinds(drawn.obs["sequence"].to_numpy(), patterns).reshape(len(source), -1),
        "unchanged source": np.stack([of_set[i] for i in source]),
        "real": np.stack([np.random.default_rng(seed).permutation(of_set[i]) for i in target]),
    }
    rows = []
    for method, parts in found.items():
        by_pair = [scores(parts[i], truth[t], of_set[s]) for i, (s, t) in enumerate(zip(source, target, strict=True))]
        rows.append({"method": method, **{name: np.mean([row[name] for row in by_pair]) for name in by_pair[0]}})
    possible = np.mean([np.minimum(truth[s], truth[t]).sum() for s, t in zip(source, target, strict=True)])
    rows.append({"method": "optimal transport", "kept": possible})
    return [{"seed": seed, **row, **(cost if row["method"] == "masked flow" else {})} for row in rows]


if __name__ == "__main__":
    arguments = parser(__doc__, steps=400).parse_args()
    torch.set_num_threads(arguments.threads)
    found = [row for seed in arguments.seeds for row in run(seed, arguments.steps)]
    report(found, arguments.name or "sequence_transport", accelerator="cpu")
