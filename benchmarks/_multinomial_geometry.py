"""Sets of multinomials, whose prior over sets is known and can be skewed.

multinomial_geometry: a cell is a count vector of 20 trials in 3 classes, a set is 100 cells with
p ~ Dirichlet(1, 1, 1). Latent L2 between the 55 points of a grid on the simplex, each embedded from 100 new cells,
against W2 between Gaussians with the moments of one trial, N(p, diag(p) - p p'). ``digits``: a cell is an image in
place of a count vector, an MNIST digit 0, 1 or 2 in 20 principal components; half of the images make the training
sets, the other half the grid. 100 images are 100 trials, where 100 counts are 2,000; ``many``: embedded from 2,000
images. ``W2 of observed shares``: what a perfect reader of counts or labels would have.

prior_warping: counts with p ~ Dirichlet(alpha_1, 1, 1). ``ratio``: mean latent distance of neighbours on the grid where
p1 < 0.34, over that where p1 > 0.66. ``covariate``: sets drawn against the frequency of their share of class 1,
`pp.set_weights`; ``density``: against the density of their embeddings in the fit without weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anndata as ad
import numpy as np
import pandas as pd
from scipy.spatial.distance import pdist, squareform
from scipy.stats import pearsonr, spearmanr

import scgde
from _common import data_path, timed
from _kernel_means import kernel_means

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    #: Cells ``(n, G)``, one for each row of class probabilities ``(n, 3)``.
    Draw = Callable[[np.ndarray, np.random.Generator], np.ndarray]

N_TRAIN, TRAIN_CELLS, TEST_CELLS, N_TRIALS = 10_000, 132, 100, 20
MANY = 2000
N_COMPONENTS = 20
ALPHAS = (2.0**-5, 1.0, 2.0**5)
WEIGHTS = ("none", "covariate", "density")
#: Largest weight of a set.
CLIP = 30.0
GRID = np.array([(i, j, 9 - i - j) for i in range(10) for j in range(10 - i)]) / 9


def run(experiment: str, arguments: argparse.Namespace) -> list[dict]:
    """Rows of a table: by data, seed and model, or by prior, seed, model and weights."""
    rows = {"multinomial_geometry": _recovery, "prior_warping": _warp}[experiment]
    seeds = arguments.seeds
    return [row for seed in seeds for row in rows(seed, arguments)]


def _recovery(seed: int, arguments: argparse.Namespace) -> list[dict]:
    rows = []
    data = {"multinomial": (_counts, _counts, N_TRIALS), "digits": (*_digits(), 1)}
    for name, (draw, draw_test, n_trials) in data.items():
        train = _training_sets(draw, 1.0, seed)
        tests = {"": _test_cells(draw_test, TEST_CELLS, seed)}
        if n_trials == 1:
            tests[", many"] = _test_cells(draw_test, MANY, seed)
        heads = {more: {"data": name + more, "seed": seed} for more in tests}
        for spec in arguments.models:
            record: dict = {"model": spec["name"]}
            model = _fit(train, spec, seed, arguments, record)
            rows += [heads[more] | record | _embedded(model, test) for more, test in tests.items()]
        for more, test in tests.items():
            references = _references(test) | {"W2 of observed shares": _observed(n_trials * test.shape[1], seed)}
            rows += [heads[more] | {"model": model} | scores for model, scores in references.items()]
    return rows


def _warp(seed: int, arguments: argparse.Namespace) -> list[dict]:
    rows, test = [], _test_cells(_counts, TEST_CELLS, seed)
    for alpha in ALPHAS:
        train = _training_sets(_counts, alpha, seed)
        share = (train.X[:, 0] / N_TRIALS).reshape(N_TRAIN, TRAIN_CELLS).mean(axis=1)
        for spec in arguments.models:
            for weights in WEIGHTS if alpha != 1 else WEIGHTS[:1]:
                record = {"alpha_1": alpha, "seed": seed, "model": spec["name"], "weights": weights}
                if weights != "none":
                    record["weight_of_rarest"] = _weigh(train, weights, share)
                key = "unweighted" if weights == "none" else "weighted"
                model = _fit(train, spec, seed, arguments, record, key_added=key)
                rows.append(record | _embedded(model, test))
    return rows


def _weigh(train: ad.AnnData, how: str, share: np.ndarray) -> float:
    """Write ``obs["weight"]``; the largest of the weights, whose mean is 1."""
    table = train.uns["unweighted"]["sets"]
    train.uns["unweighted"]["sets"] = table.assign(share=share)
    by = "share" if how == "covariate" else None
    scgde.pp.set_weights(train, by, key="unweighted", clip=CLIP)
    return round(float(train.obs["weight"].max()), 1)


def _fit(
    train: ad.AnnData, spec: dict, seed: int, arguments: argparse.Namespace, record: dict, key_added: str = "gde"
) -> scgde.model.GDE:
    options = {name: value for name, value in spec.items() if name != "name"}
    with timed(record):
        return scgde.tl.fit_gde(
            train,
            "population",
            use_rep="X",
            scaling="common",
            set_weights="weight" if key_added == "weighted" else None,
            validation_fraction=0.02,
            max_steps=arguments.steps,
            seed=seed,
            progress_bar=False,
            key_added=key_added,
            **options,
        )


def _training_sets(draw: Draw, alpha: float, seed: int) -> ad.AnnData:
    rng = np.random.default_rng(seed)
    p = rng.dirichlet([alpha, 1, 1], size=N_TRAIN)
    codes = np.repeat(np.arange(N_TRAIN), TRAIN_CELLS)
    names = [f"s{i:05d}" for i in range(N_TRAIN)]
    obs = pd.DataFrame({"population": pd.Categorical.from_codes(codes, names)}).rename(index=str)
    return ad.AnnData(draw(p[codes], rng).astype(np.float32), obs=obs)


def _test_cells(draw: Draw, n_cells: int, seed: int) -> np.ndarray:
    """Cells of every point of the grid, shape ``(55, n_cells, G)``."""
    cells = draw(np.repeat(GRID, n_cells, axis=0), np.random.default_rng(1000 + seed))
    return cells.reshape(len(GRID), n_cells, -1).astype(np.float32)


def _embedded(model: scgde.model.GDE, test: np.ndarray) -> dict:
    """Scores of the embeddings of the sets ``(55, n_cells, G)``."""
    return _scores(model.embed(test.reshape(-1, test.shape[2]), np.repeat(np.arange(len(test)), test.shape[1])))


def _counts(p: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return rng.multinomial(N_TRIALS, p)


def _digits() -> tuple[Draw, Draw]:
    """Images of random digits, for training and, other images, for testing."""
    from sklearn.decomposition import PCA

    with np.load(data_path("mnist_t10k.npz")) as content:
        images, labels = content["images"], content["labels"]
    images, labels = images[labels < 3].reshape(-1, 28 * 28) / 255, labels[labels < 3]
    is_train = np.arange(len(labels)) % 2 == 0
    components = PCA(N_COMPONENTS, random_state=0).fit(images[is_train])

    def drawing(half: np.ndarray) -> Draw:
        pools = [components.transform(images[half & (labels == digit)]) for digit in range(3)]

        def draw(p: np.ndarray, rng: np.random.Generator) -> np.ndarray:
            digit = (rng.random((len(p), 1)) > p.cumsum(axis=1)[:, :2]).sum(axis=1)
            x = np.empty((len(p), N_COMPONENTS))
            for i, pool in enumerate(pools):
                x[digit == i] = pool[rng.integers(len(pool), size=(digit == i).sum())]
            return x

        return draw

    return drawing(is_train), drawing(~is_train)


def exact_distance(shares: np.ndarray = GRID) -> np.ndarray:
    """W2 between Gaussians with the moments of one trial, for all pairs of shares ``(n, 3)``."""
    covariance = np.stack([np.diag(p) - np.outer(p, p) for p in shares])
    a, b = np.triu_indices(len(shares), k=1)
    return scgde.metrics.gaussian_wasserstein(shares[a], covariance[a], shares[b], covariance[b])


def _observed(n: int, seed: int) -> dict:
    """The exact distance, of shares that n trials show in place of the true ones: all that n trials can tell."""
    rng = np.random.default_rng(seed)
    return _agreement(exact_distance(np.stack([rng.multinomial(n, p) / n for p in GRID])))


def _scores(embedding: np.ndarray) -> dict:
    return _agreement(pdist(embedding))


def _agreement(latent: np.ndarray) -> dict:
    exact = exact_distance()
    return {
        "pearson": round(pearsonr(latent, exact)[0], 4),
        "spearman": round(spearmanr(latent, exact)[0], 4),
        "ratio": round(_neighbour_ratio(squareform(latent)), 3),
    }


def _neighbour_ratio(latent: np.ndarray) -> float:
    neighbours = np.isclose(np.abs(GRID[:, None] - GRID[None]).sum(axis=-1), 2 / 9)

    def mean(rare: np.ndarray) -> float:
        return latent[neighbours & rare[:, None] & rare[None]].mean()

    return float(mean(GRID[:, 0] < 0.34) / mean(GRID[:, 0] > 0.66))


def _references(test: np.ndarray) -> dict[str, dict]:
    """What needs no training."""
    # Tuned on the very pairs that it is scored on: the most that a kernel mean can do.
    kernels = map(_scores, kernel_means(test, 512))
    return {
        "distance of means": _scores(test.mean(axis=1)),
        "means and sd": _scores(np.concatenate([test.mean(axis=1), test.std(axis=1)], axis=1)),
        "kernel mean, tuned": max(kernels, key=lambda scores: scores["pearson"]),
    }
