"""Does the latent geometry recover Wasserstein-2 distance? Experiments with known distributions.

A2: Gaussian sets, mu ~ U[0, 5]^2, Sigma ~ inverse Wishart (df 10). Latent L2 against exact W2 over 1,000 held-out
pairs of sets of 500 cells, the distance of means beside it; and W2 squared between the Gaussian fit of 500
generated cells and the true parameters of 200 held-out sets, the fit of 500 true cells (floor) beside it.

    python benchmarks/geometry.py --experiment A2
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.stats import pearsonr, spearmanr

import scgde
from _common import parser, report, timed

if TYPE_CHECKING:
    import argparse

    import anndata as ad

N_TRAIN, N_TEST, TEST_CELLS = 10_000, 2_000, 500
PRIORS = {"A2": "inverse_wishart", "A2b": "balanced"}


def gaussian_fit_error(cells: np.ndarray, truth: dict[str, np.ndarray]) -> float:
    """Mean squared W2 between the Gaussian fit of cells ``(S, n, G)`` and the true Gaussians."""
    covariance = np.stack([np.cov(part.T) for part in cells])
    n = len(cells)
    distance = scgde.metrics.gaussian_wasserstein(
        cells.mean(axis=1), covariance, truth["mean"][:n], truth["covariance"][:n]
    )
    return float(np.mean(np.square(distance)))


def main() -> None:
    options = parser(__doc__, steps=2000)
    options.add_argument("--experiment", choices=sorted(PRIORS), default="A2")
    options.add_argument("--isometry", type=float, nargs="+", default=[0.0, 0.1])
    options.add_argument("--encoder", default="pooled_gnn")
    options.add_argument("--generator", default="flow_matching")
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)

    rows = []
    for seed in range(arguments.seeds):
        prior = PRIORS[arguments.experiment]
        # So many sets that a step rarely meets one again: as good as fresh draws.
        train = scgde.datasets.gaussian_sets(N_TRAIN, 160, prior=prior, seed=seed)
        test = scgde.datasets.gaussian_sets(N_TEST, TEST_CELLS, prior=prior, seed=seed + 1000)
        rows += [row(train, test, weight, seed, arguments) for weight in arguments.isometry]
    report(rows, f"{arguments.experiment}_geometry")


def row(train: ad.AnnData, test: ad.AnnData, isometry: float, seed: int, arguments: argparse.Namespace) -> dict:
    """Fit on ``train``, compare on ``test``."""
    record = {"isometry": isometry, "seed": seed, "encoder": arguments.encoder, "generator": arguments.generator}
    with timed(record):
        model = scgde.tl.fit_gde(
            train,
            "set",
            use_rep="X",
            scaling="common",
            encoder=arguments.encoder,
            generator=arguments.generator,
            isometry=isometry,
            validation_fraction=0.02,
            max_steps=arguments.steps,
            seed=seed,
            progress_bar=False,
        )
    truth = test.uns["truth"]
    embedding = model.embed(test.X, test.obs["set"].cat.codes.to_numpy())
    a, b = np.arange(0, N_TEST, 2), np.arange(1, N_TEST, 2)
    means, covariances = truth["mean"], truth["covariance"]
    exact = scgde.metrics.gaussian_wasserstein(means[a], covariances[a], means[b], covariances[b])
    latent = np.linalg.norm(embedding[a] - embedding[b], axis=1)
    mean_only = np.linalg.norm(means[a] - means[b], axis=1)
    cells = np.asarray(test.X).reshape(N_TEST, TEST_CELLS, -1)[:200]
    return record | {
        "pearson": round(pearsonr(latent, exact)[0], 4),
        "spearman": round(spearmanr(latent, exact)[0], 4),
        "mean_only_spearman": round(spearmanr(mean_only, exact)[0], 4),
        "w2_squared": round(gaussian_fit_error(model.generate(embedding[:200], TEST_CELLS), truth), 4),
        "floor": round(gaussian_fit_error(cells, truth), 4),
    }


if __name__ == "__main__":
    main()
