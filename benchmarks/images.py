"""Do embeddings of sets of images follow what the images show, and are images generated in the right shares?

A set is 100 images of the digits 0, 1 and 2 in shares from Dirichlet(1, 1, 1): 8 x 8 pixels (scikit-learn), or MNIST of
28 x 28 pixels, which 14 x 14 averages. Every second image of each digit makes the training sets; the sets of a grid of
55 shares are drawn from the other images.

``pearson``: latent L2 between the sets of the grid against W2 between Gaussians with the moments of one trial,
N(p, diag(p) - p p'), of the true shares; ``pearson_many``: the same, embedded from 1,000 images. ``share_tv``: total
variation between the true shares and those of 200 generated images, as a classifier sees them that was trained on the
images of the grid. ``energy``: unbiased energy distance of these to 200 other images of the set, in averaged pixels,
mean over the grid; ``feature_energy``: the same in the hidden layer of a network that was trained to tell the digits of
the grid apart.

Baselines: means of pixels and of principal components, kernel means with the bandwidth tuned on the pairs that they are
scored on, images of all training sets (``pooled``). Best possible: shares counted from the true labels (``labels``),
other images of the set (``other images``).

    python benchmarks/images.py
    python benchmarks/images.py --models "narrow, moments" --size 14 --steps 800
    python benchmarks/images.py --models default --size 28 --steps 4000  # on a GPU
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from scipy.spatial.distance import pdist
from scipy.stats import pearsonr
from sklearn.decomposition import PCA
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC

import scgde
from _common import data_path, parser, report, timed
from _kernel_means import kernel_means
from _multinomial_geometry import GRID, exact_distance

if TYPE_CHECKING:
    from collections.abc import Callable

    import anndata as ad

N_SETS, N_CELLS, MANY, N_GENERATED = 300, 100, 1000, 200
MODELS: dict[str, dict[str, Any]] = {
    "default": {},
    "narrow": {"generator_kwargs": {"backbone_kwargs": {"n_hidden": 8}}},
    "narrow, moments": {"moments": True, "generator_kwargs": {"backbone_kwargs": {"n_hidden": 8}}},
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
    def draw(cls, seed: int, size: int) -> Data:
        """Sets of one seed, of images of so many pixels a side."""
        sizes = {"seen": N_CELLS, "many": MANY, "unseen": N_GENERATED}
        grids = {
            name: _sets(size, len(GRID), n, shares=GRID, part="odd", seed=1000 * (i + 1) + seed)
            for i, (name, n) in enumerate(sizes.items())
        }
        return cls(_sets(size, N_SETS, N_CELLS, part="even", seed=seed), **grids)


def _sets(
    size: int, n_sets: int, n_cells: int, *, part: str, seed: int, shares: np.ndarray | None = None
) -> ad.AnnData:
    """Sets of digits, whose images are replaced by those of MNIST where they have other than 8 pixels a side."""
    adata = scgde.datasets.digit_sets(n_sets, n_cells, shares=shares, part=part, seed=seed)
    if size == 8:
        return adata
    rng, drawn = np.random.default_rng(seed), adata.obs["digit"].to_numpy().astype(int)
    images = np.empty((adata.n_obs, 1, size, size), dtype=np.uint8)
    for digit, pool in enumerate(_mnist(size, part)):
        images[drawn == digit, 0] = pool[rng.integers(len(pool), size=(drawn == digit).sum())]
    adata.obsm["X_images"] = images
    return adata


def _mnist(size: int, part: str) -> list[np.ndarray]:
    """Images of 0, 1 and 2, ``(n, size, size)``: of each digit every second one."""
    content = np.load(data_path("mnist_t10k.npz"))
    factor = 28 // size
    means = content["images"].reshape(-1, size, factor, size, factor).mean(axis=(2, 4)).round().astype(np.uint8)
    return [means[content["labels"] == digit][part == "odd" :: 2] for digit in range(3)]


def main() -> None:
    options = parser(__doc__, steps=600)
    options.add_argument("--models", nargs="*", choices=sorted(MODELS), default=["default", "no isometry"])
    options.add_argument("--without-references", action="store_true", help="fits alone, to be joined with other runs")
    options.add_argument("--size", type=int, choices=[8, 14, 28], default=8, help="pixels a side")
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    rows = []
    for seed in arguments.seeds:
        data = Data.draw(seed, arguments.size)
        rows += [{"seed": seed} | _fitted(name, data, arguments.steps, seed) for name in arguments.models]
        if not arguments.without_references:
            rows += [{"seed": seed, "model": name} | scores for name, scores in _references(data).items()]
    report(rows, arguments.name or ("images" if arguments.size == 8 else f"images_{arguments.size}"))


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
    """Scores of generated images ``(55, 200, 1, size, size)``."""
    drawn, unseen = images.reshape(-1, *images.shape[2:]), data.unseen.obsm["X_images"]
    features = _features(data)
    return {
        "share_tv": round(_share_error(images, data), 4),
        "energy": _energy(model.ground(drawn), model.ground(unseen)),
        "feature_energy": _energy(features(drawn), features(unseen)),
    }


def _energy(drawn: np.ndarray, unseen: np.ndarray) -> float:
    """Mean over the sets of the grid of unbiased energy distances between images in any coordinates."""
    pairs = zip(*(x.reshape(len(GRID), N_GENERATED, -1) for x in (drawn, unseen)), strict=True)
    return round(float(np.mean([scgde.metrics.energy_distance(a, b, unbiased=True) for a, b in pairs])), 4)


def _flat(images: np.ndarray) -> np.ndarray:
    """Pixels between 0 and 1."""
    images = np.asarray(images, dtype=np.float64).reshape(len(images), -1)
    return images / (16 if images.shape[1] == 64 else 255)


def _features(data: Data) -> Callable[[np.ndarray], np.ndarray]:
    """The hidden layer of a network that tells the digits of the grid apart."""
    network = MLPClassifier((64,), max_iter=50, random_state=0)
    network.fit(_flat(data.seen.obsm["X_images"]), data.seen.obs["digit"])
    return lambda images: np.maximum(_flat(images) @ network.coefs_[0] + network.intercepts_[0], 0)


def _share_error(images: np.ndarray, data: Data) -> float:
    """Mean total variation between the shares of digits in images ``(55, n, 1, size, size)`` and those of the grid."""
    classifier = SVC().fit(_flat(data.seen.obsm["X_images"]), data.seen.obs["digit"].to_numpy())
    shares = _shares(classifier.predict(_flat(images.reshape(-1, *images.shape[2:]))))
    return float(np.abs(shares - GRID).sum(axis=1).mean() / 2)


def _shares(digits: np.ndarray) -> np.ndarray:
    """Share of each digit in the sets of the grid, whose images are named ``(55 n,)``, shape ``(55, 3)``."""
    digits = np.asarray(digits, dtype=object).reshape(len(GRID), -1)
    return np.stack([(digits == str(i)).mean(axis=1) for i in range(3)], axis=1)


def _references(data: Data) -> dict[str, dict]:
    """What needs no fit."""
    seen, many = (
        _flat(grid.obsm["X_images"]).reshape(len(GRID), n, -1) for grid, n in ((data.seen, N_CELLS), (data.many, MANY))
    )
    train = _flat(data.train.obsm["X_images"])
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
    return lambda x: pca.transform(x.reshape(-1, x.shape[2])).reshape(len(GRID), -1, pca.n_components_).mean(axis=1)


def _drawn_from_images(data: Data) -> dict[str, dict]:
    """Scores of real images in place of generated ones: of all training sets, and of the set itself."""
    # An untrained model knows the scale of the pixels, and so the coordinates.
    model = scgde.tl.fit_gde(data.train, "set", use_rep="X_images", max_steps=1, sets_per_batch=2, progress_bar=False)
    rng = np.random.default_rng(0)
    pooled = data.train.obsm["X_images"][rng.integers(data.train.n_obs, size=len(GRID) * N_GENERATED)]
    itself = data.many.obsm["X_images"].reshape(len(GRID), MANY, *pooled.shape[1:])[:, :N_GENERATED]
    parts = {"pooled": pooled.reshape(len(GRID), N_GENERATED, *pooled.shape[1:]), "other images": itself}
    return {name: _generated(images, model, data) for name, images in parts.items()}


if __name__ == "__main__":
    main()
