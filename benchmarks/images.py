"""Do embeddings of sets of images follow what the images show, and are images generated in the right shares?

A set is 100 images of the digits 0, 1 and 2 (8 x 8 pixels, scikit-learn) in shares from Dirichlet(1, 1, 1). Every
second image of each digit makes the training sets; the sets of a grid of 55 shares are drawn from the other images.

``pearson``: latent L2 between the sets of the grid against W2 between Gaussians with the moments of one trial,
N(p, diag(p) - p p'), of the true shares; ``pearson_many``: the same, embedded from 1,000 images. ``share_tv``: total
variation between the true shares and those of 200 generated images, as a classifier sees them that was trained on the
images of the grid. ``energy``: unbiased energy distance of these to 200 other images of the set, in averaged pixels,
mean over the grid.

Baselines: means of pixels and of principal components, kernel means with the bandwidth tuned on the pairs that they are
scored on, images of all training sets (``pooled``). Best possible: shares counted from the true labels (``labels``),
other images of the set (``other images``).

    python benchmarks/images.py
    python benchmarks/images.py --models default --steps 1000
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from scipy.spatial.distance import pdist
from scipy.stats import pearsonr
from sklearn.decomposition import PCA
from sklearn.svm import SVC

import scgde
from _common import parser, report, timed
from _kernel_means import kernel_means
from _multinomial_geometry import GRID, exact_distance

if TYPE_CHECKING:
    import anndata as ad

N_SETS, N_CELLS, MANY, N_GENERATED = 300, 100, 1000, 200
MODELS: dict[str, dict[str, Any]] = {
    "default": {},
    "no isometry": {"isometry": 0.0},
    "diffusion": {"generator": "diffusion"},
    "deep sets": {"encoder": "deep_sets"},
}


class Data(NamedTuple):
    """Training sets, and the grid three times: to embed, to embed from many images, and to compare with."""

    train: ad.AnnData
    seen: ad.AnnData
    many: ad.AnnData
    unseen: ad.AnnData

    @classmethod
    def draw(cls, seed: int) -> Data:
        """Sets of one seed."""
        sizes = {"seen": N_CELLS, "many": MANY, "unseen": N_GENERATED}
        grids = {
            name: scgde.datasets.digit_sets(len(GRID), n, shares=GRID, part="odd", seed=1000 * (i + 1) + seed)
            for i, (name, n) in enumerate(sizes.items())
        }
        return cls(scgde.datasets.digit_sets(N_SETS, N_CELLS, part="even", seed=seed), **grids)


def main() -> None:
    options = parser(__doc__, steps=600)
    options.add_argument("--models", nargs="+", choices=sorted(MODELS), default=["default", "no isometry"])
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    rows = []
    for seed in range(arguments.seeds):
        data = Data.draw(seed)
        rows += [{"seed": seed} | _fitted(name, data, arguments.steps, seed) for name in arguments.models]
        rows += [{"seed": seed, "model": name} | scores for name, scores in _references(data).items()]
    report(rows, arguments.name or "images")


def _fitted(name: str, data: Data, steps: int, seed: int) -> dict:
    record: dict = {"model": name}
    with timed(record):
        model = scgde.tl.fit_gde(
            data.train,
            "set",
            use_rep="X_images",
            sets_per_batch=32,
            max_steps=steps,
            seed=seed,
            progress_bar=False,
            **MODELS[name],
        )
    seen, many = (_embed(model, grid) for grid in (data.seen, data.many))
    images = model.generate(seen, N_GENERATED, seed=seed)
    return record | {"pearson": _pearson(seen), "pearson_many": _pearson(many)} | _generated(images, model, data)


def _embed(model: scgde.model.GDE, grid: ad.AnnData) -> np.ndarray:
    return model.embed(grid.obsm["X_images"], grid.obs["set"].cat.codes.to_numpy())


def _pearson(embedding: np.ndarray) -> float:
    return round(pearsonr(pdist(embedding), exact_distance())[0], 4)


def _generated(images: np.ndarray, model: scgde.model.GDE, data: Data) -> dict:
    """Scores of generated images ``(55, 200, 1, 8, 8)``."""
    unseen = model.ground(data.unseen.obsm["X_images"]).reshape(len(GRID), N_GENERATED, -1)
    drawn = model.ground(images.reshape(-1, *images.shape[2:])).reshape(unseen.shape)
    energy = [scgde.metrics.energy_distance(a, b, unbiased=True) for a, b in zip(drawn, unseen, strict=True)]
    return {"share_tv": round(_share_error(images, data), 4), "energy": round(float(np.mean(energy)), 4)}


def _share_error(images: np.ndarray, data: Data) -> float:
    """Mean total variation between the shares of digits in images ``(55, n, 1, 8, 8)`` and those of the grid."""
    classifier = SVC().fit(data.seen.obsm["X_images"].reshape(-1, 64), data.seen.obs["digit"].to_numpy())
    shares = _shares(classifier.predict(images.reshape(-1, 64)))
    return float(np.abs(shares - GRID).sum(axis=1).mean() / 2)


def _shares(digits: np.ndarray) -> np.ndarray:
    """Share of each digit in the sets of the grid, whose images are named ``(55 n,)``, shape ``(55, 3)``."""
    digits = np.asarray(digits, dtype=object).reshape(len(GRID), -1)
    return np.stack([(digits == str(i)).mean(axis=1) for i in range(3)], axis=1)


def _references(data: Data) -> dict[str, dict]:
    """What needs no fit."""
    seen, many = (grid.obsm["X_images"].reshape(len(GRID), -1, 64).astype(float) for grid in (data.seen, data.many))
    train = data.train.obsm["X_images"].reshape(-1, 64).astype(float)
    labels = [_shares(grid.obs["digit"].to_numpy()) for grid in (data.seen, data.many)]
    counted = [round(pearsonr(exact_distance(shares), exact_distance())[0], 4) for shares in labels]
    means = {"pixel means": lambda x: x.mean(axis=1)}
    means |= {f"means of {k} PCs": _component_means(PCA(k, random_state=0).fit(train)) for k in (2, 10)}
    tuned = [max(map(_pearson, kernel_means(x, 256))) for x in (seen, many)]
    scores = {name: {"pearson": _pearson(f(seen)), "pearson_many": _pearson(f(many))} for name, f in means.items()}
    scores["kernel mean, tuned"] = dict(zip(("pearson", "pearson_many"), tuned, strict=True))
    scores["labels"] = dict(zip(("pearson", "pearson_many"), counted, strict=True))
    return scores | _drawn_from_images(data)


def _component_means(pca: PCA):
    return lambda x: pca.transform(x.reshape(-1, 64)).reshape(len(GRID), -1, pca.n_components_).mean(axis=1)


def _drawn_from_images(data: Data) -> dict[str, dict]:
    """Scores of real images in place of generated ones: of all training sets, and of the set itself."""
    # An untrained model knows the scale of the pixels, and so the coordinates.
    model = scgde.tl.fit_gde(data.train, "set", use_rep="X_images", max_steps=1, sets_per_batch=2, progress_bar=False)
    rng = np.random.default_rng(0)
    pooled = data.train.obsm["X_images"][rng.integers(data.train.n_obs, size=len(GRID) * N_GENERATED)]
    itself = data.many.obsm["X_images"].reshape(len(GRID), MANY, 1, 8, 8)[:, :N_GENERATED]
    parts = {"pooled": pooled.reshape(len(GRID), N_GENERATED, 1, 8, 8), "other images": itself}
    return {name: _generated(images, model, data) for name, images in parts.items()}


if __name__ == "__main__":
    main()
