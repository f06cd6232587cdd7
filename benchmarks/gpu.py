"""How much faster is a GPU?

``step_ms``: of a fit of defaults, as the difference of a long and a short fit; ``embed_s``: a million cells in a
thousand sets; ``generate_s``: 200,000 cells. On the CPU with ``--threads`` in float32, and on the GPU in float32 and in
bfloat16, in one run. Where there is no GPU, the rows of the CPU alone.

    python benchmarks/gpu.py --threads 1
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

import anndata as ad
import numpy as np
import pandas as pd
import torch

import scgde
from _common import report

if TYPE_CHECKING:
    from collections.abc import Callable

SHORT, LONG = 10, 40
PRECISIONS = {"cpu": ["32-true"], "gpu": ["32-true", "bf16-mixed"]}


def vectors() -> tuple[ad.AnnData, dict[str, Any]]:
    """400 sets of 200 cells with 50 features."""
    return scgde.datasets.gaussian_sets(400, 200, 50, df=60, seed=0), {}


def counts() -> tuple[ad.AnnData, dict[str, Any]]:
    """Counts of 2,000 genes."""
    rng = np.random.default_rng(0)
    adata = ad.AnnData(rng.poisson(0.1, (40_000, 2000)).astype(np.float32))
    adata.obs["set"] = pd.Categorical(np.repeat(np.arange(200).astype(str), 200))
    return adata, {"cells": "counts"}


def sequences() -> tuple[ad.AnnData, dict[str, Any]]:
    """Sequences of 80 bases."""
    bases = np.random.default_rng(0).choice(list("ACGT"), (40_000, 80))
    obs = {"sequence": ["".join(row) for row in bases], "set": np.repeat(np.arange(200).astype(str), 200)}
    adata = ad.AnnData(obs=pd.DataFrame(obs, index=np.arange(len(bases)).astype(str)))
    scgde.pp.tokenize(adata, "sequence", alphabet="dna")
    return adata, {"use_rep": "X_tokens"}


def images() -> tuple[ad.AnnData, dict[str, Any]]:
    """Images of 8 x 8 pixels."""
    return scgde.datasets.digit_sets(200, 200, seed=0), {"use_rep": "X_images"}


DATA: dict[str, Callable[[], tuple[ad.AnnData, dict[str, Any]]]] = {
    "vectors": vectors,
    "counts": counts,
    "sequences": sequences,
    "images": images,
}


def fit(adata: ad.AnnData, options: dict, max_steps: int, accelerator: str, precision: str) -> float:
    """Seconds of a fit without validation."""
    start = time.perf_counter()
    scgde.tl.fit_gde(
        adata,
        "set",
        max_steps=max_steps,
        accelerator=accelerator,
        progress_bar=False,
        train_kwargs={"precision": precision, "steps_per_validation": max_steps},
        **options,
    )
    return time.perf_counter() - start


def rows(name: str) -> list[dict]:
    """One row per device and precision."""
    adata, options = DATA[name]()
    found = []
    for accelerator in ["cpu", "gpu"] if torch.cuda.is_available() else ["cpu"]:
        for precision in PRECISIONS[accelerator]:
            fit(adata, options, 2, accelerator, precision)
            few, many = (fit(adata, options, n, accelerator, precision) for n in (SHORT, LONG))
            row = {"cells": name, "device": accelerator, "precision": precision}
            row["step_ms"] = round(1e3 * (many - few) / (LONG - SHORT), 2)
            found.append(row | (use(adata, accelerator) if precision == "32-true" and name == "vectors" else {}))
            print(found[-1], flush=True)
    return found


def use(adata: ad.AnnData, accelerator: str) -> dict[str, float]:
    """Seconds to embed a million cells and to generate 200,000."""
    model = scgde.results.read_model(adata, "gde")
    model.to_device("cuda" if accelerator == "gpu" else "cpu")
    x = np.random.default_rng(0).standard_normal((1_000_000, 50)).astype(np.float32)
    codes = np.arange(len(x)) % 1000
    model.embed(x[:1000], codes[:1000] % 10)
    start = time.perf_counter()
    embedding = model.embed(x, codes)
    embedded = time.perf_counter()
    model.generate(embedding[:200], 1000, seed=0)
    return {"embed_s": round(embedded - start, 2), "generate_s": round(time.perf_counter() - embedded, 2)}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--threads", type=int, default=1, help="CPU threads")
    options.add_argument("--cells", nargs="+", choices=list(DATA), default=list(DATA))
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    found = [row | {"threads": arguments.threads} for name in arguments.cells for row in rows(name)]
    report(found, f"gpu_{arguments.threads}_threads" if arguments.threads > 1 else "gpu", seeds=[0])


if __name__ == "__main__":
    main()
