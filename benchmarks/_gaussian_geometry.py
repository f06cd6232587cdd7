"""Gaussian sets and mixtures of Gaussians: latent distance against exact W2, reconstruction, interpolation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import pearsonr, spearmanr

import scgde
from _common import gaussian_cells, timed
from _kernel_means import kernel_means

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    import anndata as ad

N_TRAIN, TRAIN_CELLS = 10_000, 160
N_TEST, TEST_CELLS = 2_000, 500
N_GENERATED = 200
#: Pairs that are interpolated, and so many cells in the middle that their noise is small.
N_INTERPOLATED, MIDDLE_CELLS = 40, 4000


@dataclass(frozen=True)
class Family:
    """A meta-distribution of sets: ``draw(n_sets, n_cells, seed)``."""

    draw: Callable[[int, int, int], ad.AnnData]
    is_gaussian: bool = True


def _gaussians(prior: str, n_features: int) -> Family:
    return Family(lambda n, m, seed: scgde.datasets.gaussian_sets(n, m, n_features, prior=prior, seed=seed))


def _mixtures(n_features: int) -> Family:
    return Family(
        lambda n, m, seed: scgde.datasets.gaussian_mixture_sets(n, m, n_features, seed=seed), is_gaussian=False
    )


#: Families of each experiment.
FAMILIES = {
    "gaussian_geometry": {"gaussians, inverse Wishart, d = 2": _gaussians("inverse_wishart", 2)},
    "balanced_gaussian_geometry": {"gaussians, d = 2": _gaussians("balanced", 2)},
    "reconstruction": {
        "gaussians, d = 5": _gaussians("balanced", 5),
        "gaussians, d = 10": _gaussians("balanced", 10),
        "mixtures, d = 2": _mixtures(2),
        "mixtures, d = 10": _mixtures(10),
    },
}


def run(experiment: str, arguments: argparse.Namespace) -> list[dict]:
    """Rows of a table: each family, seed and model."""
    rows = []
    for name, family in FAMILIES[experiment].items():
        if not name.startswith(tuple(arguments.families or [""])):
            continue
        for seed in arguments.seeds:
            # So many sets that a step rarely meets one again: as good as fresh draws.
            train = family.draw(N_TRAIN, TRAIN_CELLS, seed)
            test = family.draw(N_TEST, 2 * TEST_CELLS, seed + 1000)
            exact = Exact(family, test)
            head = {"family": name, "seed": seed}
            rows += [head | _row(train, exact, spec, seed, arguments) for spec in arguments.models]
            rows += [head | row for row in _references(exact)]
    return rows


class Exact:
    """Held-out sets, half of their cells seen and half not, and W2 of pairs: closed form, or of the unseen cells."""

    def __init__(self, family: Family, test: ad.AnnData) -> None:
        self.is_gaussian, self.truth = family.is_gaussian, test.uns["truth"]
        cells = np.asarray(test.X).reshape(N_TEST, 2 * TEST_CELLS, -1)
        self.seen, self.unseen = cells[:, :TEST_CELLS], cells[:, TEST_CELLS:]
        n_pairs = 1000 if family.is_gaussian else 300
        self.pairs = np.arange(2 * n_pairs).reshape(n_pairs, 2)
        self.distance = self.gaussian(*self.pairs.T) if family.is_gaussian else self._empirical()

    def gaussian(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """W2 between Gaussian sets, in closed form."""
        mean, covariance = self.truth["mean"], self.truth["covariance"]
        return scgde.metrics.gaussian_wasserstein(mean[a], covariance[a], mean[b], covariance[b])

    def _empirical(self) -> np.ndarray:
        return np.array([scgde.metrics.wasserstein(self.unseen[a], self.unseen[b]) for a, b in self.pairs])

    def correlation(self, embedding: np.ndarray) -> dict:
        """How well distances between embeddings follow W2."""
        return _agreement(np.linalg.norm(np.subtract(*embedding[self.pairs.T]), axis=1), self.distance)

    def reconstruction(self, cells: np.ndarray) -> dict:
        """How far cells ``(n, m, G)`` for the first n sets are from those sets."""
        n = len(cells)
        pairs = zip(cells, self.unseen[:n], strict=True)
        energy = [scgde.metrics.energy_distance(part[:TEST_CELLS], rest, unbiased=True) for part, rest in pairs]
        scores = {"energy": round(float(np.mean(energy)), 4)}
        if not self.is_gaussian:
            return scores
        distance = _fit_distance(cells, self.truth["mean"][:n], self.truth["covariance"][:n])
        return scores | {"w2": round(distance.mean(), 4), "w2_squared": round(np.square(distance).mean(), 4)}

    def interpolation(self, middle: np.ndarray) -> dict:
        """Cells half-way between the first pairs against the middle of their displacement interpolation."""
        a, b = self.first_pairs
        ends, truth = self.distance[: len(a)], _displacement(self.truth["mean"], self.truth["covariance"], a, b)
        mixture = np.concatenate([self.seen[a], self.seen[b]], axis=1)
        errors = {"midpoint": _fit_distance(middle, *truth) / ends, "mixture": _fit_distance(mixture, *truth) / ends}
        return {name: round(float(error.mean()), 4) for name, error in errors.items()}

    @property
    def first_pairs(self) -> np.ndarray:
        """Sets that are interpolated, shape ``(2, N_INTERPOLATED)``."""
        return self.pairs[:N_INTERPOLATED].T


def _fit_distance(cells: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    return scgde.metrics.gaussian_wasserstein(*_fit(cells), mean, covariance)


def _fit(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of sets ``(S, M, G)``."""
    return cells.mean(axis=1), np.stack([np.cov(part.T) for part in cells])


def _displacement(
    mean: np.ndarray, covariance: np.ndarray, a: np.ndarray, b: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance half-way along the optimal transport between Gaussians."""
    first, second = covariance[a], covariance[b]
    root = _root(first)
    inverse = np.linalg.inv(root)
    transport = inverse @ _root(root @ second @ root) @ inverse
    half = (np.eye(first.shape[-1]) + transport) / 2
    return (mean[a] + mean[b]) / 2, half @ first @ half.swapaxes(1, 2)


def _root(matrices: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrices)
    return vectors * np.sqrt(np.maximum(values, 0))[:, None, :] @ vectors.swapaxes(1, 2)


def _row(train: ad.AnnData, exact: Exact, spec: dict, seed: int, arguments: argparse.Namespace) -> dict:
    """Fit on ``train``, compare on held-out sets."""
    record = {"model": spec["name"]}
    options = {name: value for name, value in spec.items() if name != "name"}
    with timed(record):
        model = scgde.tl.fit_gde(
            train,
            "set",
            use_rep="X",
            scaling="common",
            validation_fraction=0.02,
            max_steps=arguments.steps,
            seed=seed,
            progress_bar=False,
            **options,
        )
    embedding = model.embed(exact.seen.reshape(-1, exact.seen.shape[-1]), np.repeat(np.arange(N_TEST), TEST_CELLS))
    record |= exact.correlation(embedding)
    record |= exact.reconstruction(model.generate(embedding[:N_GENERATED], 2 * TEST_CELLS))
    if exact.is_gaussian:
        middle = embedding[exact.first_pairs].mean(axis=0)
        record |= exact.interpolation(model.generate(middle, MIDDLE_CELLS))
    return record


def _references(exact: Exact) -> list[dict]:
    """What needs no training: distances between simple summaries, and true cells in place of generated ones."""
    # Tuned on the very pairs that it is scored on: the most that a kernel mean can do.
    kernels = map(exact.correlation, kernel_means(exact.seen, 128))
    rows = [
        {"model": "distance of means"} | exact.correlation(exact.seen.mean(axis=1)),
        {"model": "distance of moments"} | exact.correlation(_moments(exact.seen)),
        {"model": "kernel mean, tuned"} | max(kernels, key=lambda score: score["spearman"]),
        {"model": "true cells (floor)"} | exact.reconstruction(exact.seen[:N_GENERATED]),
    ]
    if not exact.is_gaussian:
        return rows
    fitted = {"model": "Gaussian fit of the cells seen"} | _fitted(exact)
    return [*rows, fitted, {"model": "pairwise OT + MDS"} | _mds(exact)]


def _fitted(exact: Exact) -> dict:
    """Cells drawn from the Gaussian fits of the cells seen: what knowing the family is worth."""
    rng = np.random.default_rng(0)
    mean, covariance = _fit(exact.seen)
    middle = gaussian_cells(*_displacement(mean, covariance, *exact.first_pairs), MIDDLE_CELLS, rng)
    drawn = gaussian_cells(mean[:N_GENERATED], covariance[:N_GENERATED], 2 * TEST_CELLS, rng)
    return exact.reconstruction(drawn) | exact.interpolation(middle)


def _moments(cells: np.ndarray) -> np.ndarray:
    """Means and roots of covariances: W2 of Gaussians whose covariances commute."""
    mean, covariance = _fit(cells)
    return np.concatenate([mean, _root(covariance).reshape(len(cells), -1)], axis=1)


def _mds(exact: Exact, n_sets: int = 40, n_cells: int = 200) -> dict:
    """Exact W2 between drawn cells of every pair of a few sets, laid out in 10 dimensions."""
    from sklearn.manifold import MDS

    a, b = np.triu_indices(n_sets, 1)
    cells, matrix = exact.seen[:, :n_cells], np.zeros((n_sets, n_sets))
    matrix[a, b] = [scgde.metrics.wasserstein(cells[i], cells[j]) for i, j in zip(a, b, strict=True)]
    matrix += matrix.T
    layout = MDS(10, metric="precomputed", init="random", n_init=1, random_state=0).fit_transform(matrix)
    return _agreement(np.linalg.norm(layout[a] - layout[b], axis=1), exact.gaussian(a, b))


def _agreement(estimate: np.ndarray, truth: np.ndarray) -> dict:
    return {"pearson": round(pearsonr(estimate, truth)[0], 4), "spearman": round(spearmanr(estimate, truth)[0], 4)}
