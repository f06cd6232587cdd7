"""Gaussian sets, where the optimal map and the distance to the target are known."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import anndata as ad
import numpy as np
import pandas as pd
from scipy.linalg import sqrtm

import scgde
from _common import gaussian_cells
from _forecasts import embed, energies, fit, fit_error, forecast, predicted, transport_cells

if TYPE_CHECKING:
    from collections.abc import Sequence

#: A transport that starts from the optimal map between Gaussians.
GAUSSIAN = {"transport_kwargs": {"gaussian": True}}
#: Cells of each training set, of each test set, and Gaussians to pair at random.
TRAIN_CELLS, TEST_CELLS, N_TEST = 1000, 500, 200
LOOKUP_TRIAL = 50


class Gaussians:
    """Gaussian sets with an inverse Wishart prior, and fresh cells of them.

    Parameters
    ----------
    n_sets, n_cells, seed
        Of the draw.
    """

    def __init__(self, n_sets: int, n_cells: int, seed: int) -> None:
        self.adata = scgde.datasets.gaussian_sets(n_sets, n_cells, seed=seed)
        self.mean, self.covariance = (self.adata.uns["truth"][name] for name in ("mean", "covariance"))

    def draw(self, sets: np.ndarray, n_cells: int, rng: np.random.Generator) -> np.ndarray:
        """Fresh cells, shape ``(len(sets), n_cells, 2)``."""
        return gaussian_cells(self.mean[sets], self.covariance[sets], n_cells, rng)


def optimal_map(seed: int, steps: int) -> list[dict]:
    """Squared distance of transported cells to the Brenier map, over that of a random pairing, 2 tr Sigma_target."""
    rng = np.random.default_rng(seed)
    world = Gaussians(100, TRAIN_CELLS, seed)
    source = rng.integers(100, size=300)
    target = (source + rng.integers(1, 100, size=300)) % 100
    cells = world.draw(source, TEST_CELLS, rng)
    optimal = brenier(world, source, target, cells)
    truth = world.mean[target], world.covariance[target]
    couplings = {f"flow_matching, {name}": {"coupling": name} for name in ("ot", "sinkhorn", "independent")}
    couplings["flow_matching, ot, gaussian"] = {"coupling": "ot", "gaussian": True}
    arms = couplings | {key: {} for key in ("sliced_wasserstein", "mmd", "energy", "sinkhorn")}
    rows = []
    for arm, options in arms.items():
        row = {"transport": arm, "seed": seed}
        choice = {"transport": arm.partition(",")[0], "transport_kwargs": options}
        model = fit(world.adata, seed, steps, record=row, model=choice, validation_fraction=0.0)
        z = model.get_embedding().to_numpy()
        transported = np.stack(transport_cells(model, cells, z[source], z[target]))
        error = np.square(transported - optimal).sum(-1).mean(1) / (2 * np.trace(truth[1], axis1=1, axis2=2))
        w2 = {"w2_squared": fit_error(transported, *truth), "floor": fit_error(optimal, *truth)}
        rows.append(row | {"brenier": error.mean(), "brenier_median": np.median(error)} | w2)
    return rows


def brenier(world: Gaussians, source: np.ndarray, target: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Cells ``(S, M, G)`` under the optimal map between Gaussians."""
    transported = []
    for i, j, x in zip(source, target, cells, strict=True):
        root = np.real(sqrtm(world.covariance[i]))
        inverse = np.linalg.inv(root)
        matrix = inverse @ np.real(sqrtm(root @ world.covariance[j] @ root)) @ inverse
        transported.append((x - world.mean[i]) @ matrix + world.mean[j])
    return np.stack(transported)


def lookup_comparison(seed: int, steps: int) -> list[dict]:
    """Cells of training sets transported to 200 unseen sets; the table has the vector of the nearest one."""
    rng = np.random.default_rng(seed)
    unseen = Gaussians(N_TEST, TEST_CELLS, seed + 1000)
    truth = unseen.mean, unseen.covariance
    target_cells = np.asarray(unseen.adata.X).reshape(N_TEST, TEST_CELLS, -1)
    rows = []
    for n_sets in (10, 100, 1000):
        world = Gaussians(n_sets, TRAIN_CELLS, seed)
        source = rng.integers(n_sets, size=N_TEST)
        cells = world.draw(source, TEST_CELLS, rng)
        own = []
        for name, options in {"both": {}, "both, gaussian": GAUSSIAN}.items():
            row = {"n_sets": n_sets, "condition": name, "seed": seed, "steps": steps}
            model = fit(world.adata, seed, steps, record=row, model=options)
            z = model.get_embedding().to_numpy()
            row["w2_squared"] = fit_error(transport_cells(model, cells, z[source], embed(model, target_cells)), *truth)
            own.append(row)
        lookup = {"n_sets": n_sets, "condition": "lookup", "seed": seed}
        lookup["steps"] = steps_within(own[0]["seconds"], world, seed)
        options = {"condition": "lookup"}
        model = fit(world.adata, seed, lookup["steps"], record=lookup, model=options, patience=None)
        z, nearest = model.get_embedding().to_numpy(), nearest_gaussian(world, unseen)
        lookup["w2_squared"] = fit_error(transport_cells(model, cells, z[source], z[nearest]), *truth)
        rows += [row | {"ratio": row["w2_squared"] / lookup["w2_squared"]} for row in (*own, lookup)]
    return rows


def steps_within(seconds: float, world: Gaussians, seed: int) -> int:
    """Steps of a fit with a table that take so long."""
    start = time.perf_counter()
    fit(world.adata, seed, LOOKUP_TRIAL, model={"condition": "lookup"})
    return max(LOOKUP_TRIAL, int(LOOKUP_TRIAL * seconds / (time.perf_counter() - start)))


def nearest_gaussian(world: Gaussians, unseen: Gaussians) -> np.ndarray:
    """The training set nearest to each unseen one, by exact W2."""
    index = np.stack(np.meshgrid(np.arange(len(unseen.mean)), np.arange(len(world.mean)), indexing="ij"))
    i, j = index.reshape(2, -1)
    distance = scgde.metrics.gaussian_wasserstein(
        unseen.mean[i], unseen.covariance[i], world.mean[j], world.covariance[j]
    )
    return distance.reshape(index.shape[1:]).argmin(1)


#: Pairs for sources with both coordinates of the mean up to the middle; targets are turned about it.
MIDDLE, TURN = 2.5, np.array([[0.0, 1.0], [-1.0, 0.0]])
N_PAIRS, N_SETS, PAIR_CELLS = 1000, 5000, 160


def out_of_range(seed: int, steps: int) -> list[dict]:
    """Unbiased energy distance of forecasts on a 9 x 9 grid of means, inside and outside the range of the pairs."""
    rng = np.random.default_rng(seed)
    adata, pairs = turned_pairs(seed)
    grid = np.stack(np.meshgrid(*2 * [np.linspace(0, 5, 9)]), axis=-1).reshape(-1, 2)
    covariance = Gaussians(len(grid), 1, seed + 2000).covariance
    cells = gaussian_cells(grid, covariance, TEST_CELLS, rng)
    truth = turned(gaussian_cells(grid, covariance, TEST_CELLS, rng))
    inside = (grid <= MIDDLE).all(1)

    def row(arm: str, transported: Sequence[np.ndarray], **more: float) -> dict:
        error = energies(transported, truth)
        return {"arm": arm, "seed": seed, "inside": error[inside].mean(), "outside": error[~inside].mean()} | more

    rows, record = [row("identity", cells)], {}
    model = fit(adata, seed, steps, record=record, model={"condition": "source"}, pairs=pairs)
    z = embed(model, cells)
    rows.append(row("source-conditioned", transport_cells(model, cells, z, z), **record))
    arms = {"TDE": {}, "TDE, isometry": {"isometry": 0.1}, "TDE, gaussian": GAUSSIAN}
    for name, options in arms.items():
        model = fit(adata, seed, steps, record=record, model=options, pairs=pairs)
        z = embed(model, cells)
        targets = {"true target embedding": embed(model, truth)[:, None]}
        for predictor, draws in (targets | predicted(model, pairs, z, seed=seed)).items():
            rows.append(row(f"{name}, {predictor}", forecast(model, cells, z, draws), **record))
    return rows


def turned_pairs(seed: int) -> tuple[ad.AnnData, list[tuple[str, str]]]:
    """Sets everywhere; and pairs of sets, the first in the range, the second turned, of other cells."""
    everywhere = scgde.datasets.gaussian_sets(N_SETS, PAIR_CELLS, seed=seed)
    near = scgde.datasets.gaussian_sets(N_PAIRS, 2 * PAIR_CELLS, high=MIDDLE, seed=seed + 500)
    halves = np.asarray(near.X).reshape(N_PAIRS, 2, PAIR_CELLS, 2)
    ends = {"source": halves[:, 0], "target": turned(halves[:, 1])}
    names = {end: [f"{end}_{i}" for i in range(N_PAIRS)] for end in ends}
    x = np.concatenate([everywhere.X, *(cells.reshape(-1, 2) for cells in ends.values())])
    sets = [everywhere.obs["set"].astype(str), *(np.repeat(names[end], PAIR_CELLS) for end in ends)]
    obs = pd.DataFrame({"set": pd.Categorical(np.concatenate(sets))}, index=np.arange(len(x)).astype(str))
    return ad.AnnData(x.astype(np.float32), obs=obs), list(zip(names["source"], names["target"], strict=True))


def turned(cells: np.ndarray) -> np.ndarray:
    """Cells turned by 90 degrees about the middle of the plane."""
    return (cells - MIDDLE) @ TURN + MIDDLE
