"""Simulated clones: a few measured at both times, most at one."""

from __future__ import annotations

from typing import NamedTuple

import anndata as ad
import numpy as np
import pandas as pd
from scipy.stats import sem

from _forecasts import METRICS, embed, energies, fit, forecast, predicted, transport_cells

N_FEATURES, N_LATENT, N_STATES, N_FATES = 10, 3, 3, 4
N_PAIRED, N_ORPHANS, N_TEST = 60, 1140, 200
#: Cells of a clone at one time; spread of cells around a state, of the states, of the fates; drift of a clone.
CELLS, NOISE, STATE_RADIUS, FATE_RADIUS, DRIFT = (5, 50), 0.5, 2.0, 4.0, 0.7


class World(NamedTuple):
    """Centres of states and fates, and how the latent state of a clone determines their shares and its drift."""

    states: np.ndarray
    fates: np.ndarray
    to_states: np.ndarray
    to_fates: np.ndarray
    drift: np.ndarray

    @classmethod
    def draw(cls, rng: np.random.Generator) -> World:
        def on_sphere(n: int, radius: float) -> np.ndarray:
            direction = rng.standard_normal((n, N_FEATURES))
            return radius * direction / np.linalg.norm(direction, axis=1, keepdims=True)

        return cls(
            on_sphere(N_STATES, STATE_RADIUS),
            on_sphere(N_FATES, FATE_RADIUS),
            rng.standard_normal((N_LATENT, N_STATES)),
            rng.standard_normal((N_LATENT, N_FATES)),
            DRIFT * rng.standard_normal((N_LATENT, N_FEATURES)),
        )

    def cells(self, latent: np.ndarray, *, late: bool, rng: np.random.Generator) -> np.ndarray:
        """Cells of one clone at one time, shape ``(n, G)``."""
        centers, weights = (self.fates, self.to_fates) if late else (self.states, self.to_states)
        share = np.exp(3 * np.tanh(latent @ weights))
        kind = rng.choice(len(centers), size=rng.integers(*CELLS, endpoint=True), p=share / share.sum())
        shift = np.tanh(latent) @ self.drift * (1 if late else 0.5)
        return centers[kind] + shift + NOISE * rng.standard_normal((len(kind), N_FEATURES))


class Clones(NamedTuple):
    """Training sets with the pairs among them, and both ends of the test clones."""

    adata: ad.AnnData
    pairs: list[tuple[str, str]]
    orphans: list[str]
    test_source: list[np.ndarray]
    test_target: list[np.ndarray]


def simulate(seed: int) -> Clones:
    """Clones with both ends, with one end (half of them the source), and test clones."""
    rng = np.random.default_rng(seed)
    world = World.draw(rng)
    latent = rng.standard_normal((N_PAIRED + N_ORPHANS + N_TEST, N_LATENT))
    ends = [[world.cells(u, late=late, rng=rng) for late in (False, True)] for u in latent]
    sets = {f"clone{i}_{end}": cells for i in range(N_PAIRED) for end, cells in enumerate(ends[i])}
    for i in range(N_PAIRED, N_PAIRED + N_ORPHANS):
        sets[f"clone{i}_{i % 2}"] = ends[i][i % 2]
    pairs = [(f"clone{i}_0", f"clone{i}_1") for i in range(N_PAIRED)]
    names = np.repeat(list(sets), [len(cells) for cells in sets.values()])
    obs = pd.DataFrame({"set": pd.Categorical(names)}, index=np.arange(len(names)).astype(str))
    x = np.concatenate(list(sets.values())).astype(np.float32)
    test = ends[-N_TEST:]
    return Clones(ad.AnnData(x, obs=obs), pairs, list(sets)[2 * N_PAIRED :], *map(list, zip(*test, strict=True)))


def orphans(seed: int, steps: int) -> list[dict]:
    """Forecasts of 200 held-out clones: mean energy distances, and paired differences of the V-statistic."""
    clones = simulate(seed)
    paired = clones.adata[~clones.adata.obs["set"].isin(clones.orphans)].copy()
    transported = baselines(clones, paired, seed)
    seconds: dict[str, dict] = {"source-conditioned": {}, "paired only": {}, "with orphans": {}}
    model = fit(
        paired, seed, steps, record=seconds["source-conditioned"], model={"condition": "source"}, pairs=clones.pairs
    )
    z = embed(model, clones.test_source)
    transported["source-conditioned"] = transport_cells(model, clones.test_source, z, z)
    for name, adata in {"paired only": paired, "with orphans": clones.adata}.items():
        model = fit(adata, seed, steps, record=seconds[name], pairs=clones.pairs)
        z = embed(model, clones.test_source)
        targets = predicted(model, clones.pairs, z, seed=seed)
        targets["true target embedding"] = embed(model, clones.test_target)[:, None]
        transported |= {
            f"{name}, {end}": forecast(model, clones.test_source, z, draws) for end, draws in targets.items()
        }
    scores = {
        (name, arm): energies(cells, clones.test_target, unbiased=name == "unbiased_energy")
        for name in METRICS
        for arm, cells in transported.items()
    }
    return [
        {"arm": arm, "seed": seed}
        | {name: scores[name, arm].mean() for name in METRICS}
        | _gain("source_conditioned", scores["energy", arm], scores["energy", "source-conditioned"])
        | _gain("paired_only", scores["energy", arm], scores["energy", arm.replace("with orphans", "paired only")])
        | seconds.get(arm.partition(",")[0], {})
        for arm in transported
    ]


def _gain(name: str, scores: np.ndarray, reference: np.ndarray) -> dict[str, float]:
    """Mean paired difference over clones, and its standard error."""
    return {f"minus_{name}": (scores - reference).mean(), f"minus_{name}_se": sem(scores - reference)}


def baselines(clones: Clones, paired: ad.AnnData, seed: int) -> dict[str, list[np.ndarray]]:
    """Forecasts that need no fit."""
    late = paired.X[paired.obs["set"].astype(str).str.endswith("_1").to_numpy()]
    pooled = late[np.random.default_rng(seed).choice(len(late), 500)]
    return {
        "identity": clones.test_source,
        "pooled targets": [pooled] * N_TEST,
        "nearest clone": nearest_clone(clones),
    }


def nearest_clone(clones: Clones) -> list[np.ndarray]:
    """Late cells of the paired clone whose early cells are nearest by energy."""
    rows_of = clones.adata.obs.groupby("set", observed=True).indices
    cells = {name: clones.adata.X[rows] for name, rows in rows_of.items()}
    early, late = ([cells[pair[end]] for pair in clones.pairs] for end in (0, 1))
    return [late[int(np.argmin(energies(early, [source] * len(early))))] for source in clones.test_source]
