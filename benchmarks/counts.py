"""Are counts generated for a new donor those of its cells: genes, their correlations, zeros and library sizes?

OneK1K, 40 donors, 1,000 genes. Eight donors are held out of every step of the fits; each is embedded from a random half
of its cells, and counts are generated and compared to the other half. Baselines: the first half itself; training cells;
independent negative binomials with the rates of the first half, shrunk towards the pool; the same fit on principal
components with flow matching (``cells="components"``: energy only, in the same components); the same with a decoder of
counts fitted afterwards; and what the autoencoder makes of the very cells of the first half. With ``--validate`` the
same, on eight of the training donors.

    python benchmarks/counts.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anndata as ad
import numpy as np
import torch

import scgde
from _common import data_path, parser, report, timed
from _count_scores import N_CELLS, Judge, dense
from scgde.results import FittedSets

if TYPE_CHECKING:
    from collections.abc import Mapping

N_HELD_OUT = 8
#: Counts of the pool that are added to those of a set.
_PRIOR_COUNTS = 2000


def read(seed: int, *, validate: bool) -> tuple[ad.AnnData, ad.AnnData, ad.AnnData]:
    """All cells with a column ``"split"``, and the two halves of the held-out donors."""
    adata = ad.read_h5ad(data_path("onek1k_subset_40donors.h5ad"))
    rng = np.random.default_rng(seed)
    donors = rng.permutation(adata.obs["donor"].unique())
    held_out, donors = donors[:N_HELD_OUT], donors[N_HELD_OUT:]
    if validate:
        adata = adata[adata.obs["donor"].isin(donors)].copy()
        held_out = donors[:N_HELD_OUT]
    is_held_out = adata.obs["donor"].isin(held_out)
    adata.obs["split"] = np.where(is_held_out, "test", "train")
    half = np.zeros(adata.n_obs, dtype=int)
    for name in held_out:
        rows = rng.permutation(np.flatnonzero(adata.obs["donor"] == name))
        half[rows[len(rows) // 2 :]] = 1
    first, second = (adata[is_held_out & (half == part)].copy() for part in (0, 1))
    return adata, first, second


def fit(adata: ad.AnnData, **options: Any) -> None:
    scgde.tl.fit_gde(adata, "donor", split_key="split", progress_bar=False, **options)


def generated(adata: ad.AnnData, first: ad.AnnData, n_cells: int, **options: Any) -> dict[str, np.ndarray]:
    """Cells of each held-out donor, from the embedding of its first half."""
    scgde.tl.embed(first, adata)
    cells = scgde.tl.generate(first, n_cells=n_cells, **options)
    return by_donor(cells)


def by_donor(adata: ad.AnnData) -> dict[str, np.ndarray]:
    names = adata.obs["donor"].astype(str)
    return {name: dense(adata[(names == name).to_numpy()].X) for name in sorted(names.unique())}


def reconstructed(first: ad.AnnData) -> dict[str, np.ndarray]:
    """Cells of the first half through the autoencoder."""
    fitted, made = FittedSets.read(first, "gde"), {}
    module = fitted.model.module
    for row, name in enumerate(fitted.table.index):
        x = torch.from_numpy(fitted.observed(fitted.index.rows(row)))[None]
        known = module.known_to_decoder(torch.from_numpy(fitted.embedding[row : row + 1]).float())
        cells = module.readout.reconstruct(x, known, rng=torch.Generator().manual_seed(row))
        made[name] = cells[0].double().numpy()
    return made


def independent(train: Mapping[str, np.ndarray], first: Mapping[str, np.ndarray], n_cells: int) -> dict:
    """Negative binomials of each gene by itself: rates and library sizes of the half, one dispersion per gene."""
    rng, above, square = np.random.default_rng(0), 0.0, 0.0
    for x in train.values():
        mean = x.sum(axis=1, keepdims=True) * x.sum(axis=0) / x.sum()
        above, square = above + ((x - mean) ** 2 - mean).sum(axis=0), square + (mean**2).sum(axis=0)
    dispersion = np.maximum(above / np.maximum(square, 1e-9), 1e-3)
    pool = sum(x.sum(axis=0) for x in train.values())
    made = {}
    for name, x in first.items():
        share = (x.sum(axis=0) + _PRIOR_COUNTS * pool / pool.sum()) / (x.sum() + _PRIOR_COUNTS)
        mean = rng.choice(x.sum(axis=1), (n_cells, 1)) * share
        made[name] = rng.poisson(rng.gamma(1 / dispersion, dispersion, size=mean.shape) * mean).astype(float)
    return made


def main() -> None:
    options = parser(__doc__, steps=500)
    options.add_argument("--validate", action="store_true", help="hold out training donors, to choose options")
    options.add_argument("--only", choices=("baselines", "components", "counts"), help="one of the arms")
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    rows: list[dict] = []
    for seed in arguments.seeds:
        adata, first, second = read(seed, validate=arguments.validate)
        train, known, real = by_donor(adata[adata.obs["split"] == "train"]), by_donor(first), by_donor(second)
        pooled = np.concatenate(list(train.values()))
        judge, n_cells = Judge(pooled), max(N_CELLS, *(len(x) for x in real.values()))
        rng = np.random.default_rng(seed)

        def add(arm: str, scores: dict[str, float], record: dict | None = None, seed: int = seed) -> None:
            rows.append({"arm": arm, "seed": seed} | (record or {}) | {k: round(v, 4) for k, v in scores.items()})
            print(rows[-1], flush=True)

        if arguments.only in (None, "baselines"):
            add("half A", judge.scores(real, known))
            add("pooled", judge.scores(real, {name: pooled[rng.choice(len(pooled), n_cells)] for name in real}))
            add("independent", judge.scores(real, independent(train, known, n_cells)))
        if arguments.only in (None, "components"):
            record: dict = {}
            with timed(record):
                fit(adata, cells="components", max_steps=arguments.steps, seed=seed)
            values = generated(adata, first, N_CELLS, decode=True, seed=seed)
            add("components", {"energy": float(np.mean(list(judge.energy(real, values).values())))}, record)
            scgde.tl.fit_decoder(adata, max_steps=arguments.steps, seed=seed)
            add("two stages", judge.scores(real, generated(adata, first, n_cells, decode=True, seed=seed)))
        if arguments.only in (None, "counts"):
            record = {}
            with timed(record):
                fit(adata, cells="counts", max_steps=arguments.steps, seed=seed)
            add("counts", judge.scores(real, generated(adata, first, n_cells, seed=seed)), record)
            add("reconstructed", judge.scores(real, reconstructed(first)))
        report(rows, arguments.name or "counts" + "_validate" * arguments.validate)


if __name__ == "__main__":
    main()
