from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from scgde._checks import check_count, check_fraction, check_seed
from scgde._hints import checked_keywords
from scgde.datasets._common import cells_anndata, named, names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData

N_FATES = 4
N_LATENT = 3
N_FOUNDERS = 4
#: Each day.
COMMIT = 0.3
DEATH, DIVISION = 0.05, 0.6
DRIFT, NOISE = 0.35, 0.25
#: Spread of progenitors, distance of fates from 0, and how sharply a progenitor's state decides its fates.
ORIGIN_SD, FATE_RADIUS, BIAS_SHARPNESS = 0.6, 4.0, 2.0


@checked_keywords
def clones(
    n_clones: int = 300,
    *,
    times: Sequence[int] = (2, 4, 6),
    n_features: int = 10,
    paired_fraction: float = 0.2,
    unlabeled_fraction: float = 0.1,
    seed: int = 0,
) -> AnnData:
    """Clones that grow, commit to fates, and are measured destructively.

    A clone starts on day 0 as four cells in one progenitor state, which sets its fate bias. Each day a
    progenitor cell commits to a fate with probability .3, cells drift towards the state that they are
    committed to, and then die, rest or divide; daughters inherit place and fate. Most clones are harvested
    whole at one time; a ``paired_fraction`` of them is harvested in part at every time.

    Parameters
    ----------
    n_clones
        Number of clones.
    times
        Days of measurement, increasing whole numbers of at least 1.
    n_features
        Dimensions ``G``.
    paired_fraction
        Share of clones that are measured at several times.
    unlabeled_fraction
        Share of cells whose clone is not known.
    seed
        Seed of everything drawn.

    Returns
    -------
    Cells with ``obs``: ``clone`` (missing where not known), ``time`` in days, ``fate`` (``"progenitor"`` or
    ``"fate_0"``, ...); and ``uns["truth"]``: ``"clones"``, one row per clone with the probability of each
    fate and ``paired``; ``"origin"`` of shape ``(n_clones, G)`` and ``"fate_centers"`` of shape ``(4, G)``.

    Examples
    --------
    >>> import scgde
    >>> adata = scgde.datasets.clones(20)
    >>> adata.obs.columns.tolist()
    ['clone', 'time', 'fate']
    """
    n_clones = check_count(n_clones, "n_clones")
    n_features = check_count(n_features, "n_features", minimum=2)
    days = _days(times)
    paired_fraction = check_fraction(paired_fraction, "paired_fraction")
    unlabeled_fraction = check_fraction(unlabeled_fraction, "unlabeled_fraction")
    rng = check_seed(seed)

    latent = rng.standard_normal((n_clones, N_LATENT))
    world = _World(
        origin=latent @ rng.normal(0, ORIGIN_SD, size=(N_LATENT, n_features)),
        fate_centers=_fate_centers(n_features, rng),
        bias=_softmax(BIAS_SHARPNESS * latent @ rng.standard_normal((N_LATENT, N_FATES))),
    )
    paired = rng.permutation(n_clones) < round(paired_fraction * n_clones)
    harvest_day = np.where(paired, -1, rng.choice(days, size=n_clones))
    cells, time = _grow_and_harvest(world, days, harvest_day, rng)

    clone = np.where(rng.random(len(time)) < unlabeled_fraction, -1, cells.clone)
    fate_names = names("fate", N_FATES)
    obs = {
        "clone": named("clone", clone, n_clones),
        "time": time,
        "fate": pd.Categorical.from_codes(cells.fate + 1, fate_names.insert(0, "progenitor")),
    }
    table = pd.DataFrame(world.bias, columns=fate_names, index=names("clone", n_clones)).assign(paired=paired)
    truth = {"clones": table, "origin": world.origin, "fate_centers": world.fate_centers}
    return cells_anndata(cells.x, obs, truth)


class _World(NamedTuple):
    origin: np.ndarray  # (n_clones, G)
    fate_centers: np.ndarray  # (n_fates, G)
    bias: np.ndarray  # (n_clones, n_fates), rows sum to 1


class _Cells(NamedTuple):
    x: np.ndarray  # (n, G)
    clone: np.ndarray  # (n,)
    fate: np.ndarray  # (n,), -1 before commitment

    def take(self, index: np.ndarray) -> _Cells:
        return _Cells(*(field[index] for field in self))


def _days(times: Sequence[int]) -> list[int]:
    days = [check_count(day, "times") for day in times]
    if not days or sorted(set(days)) != days:
        msg = f"`times` must be increasing days, got {times!r}."
        raise ValueError(msg)
    return days


def _fate_centers(n_features: int, rng: np.random.Generator) -> np.ndarray:
    direction = rng.standard_normal((N_FATES, n_features))
    return FATE_RADIUS * direction / np.linalg.norm(direction, axis=1, keepdims=True)


def _softmax(logits: np.ndarray) -> np.ndarray:
    weight = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weight / weight.sum(axis=1, keepdims=True)


def _grow_and_harvest(
    world: _World, days: list[int], harvest_day: np.ndarray, rng: np.random.Generator
) -> tuple[_Cells, np.ndarray]:
    """Return the harvested cells and the day of each; ``harvest_day`` -1: half of the cells every day."""
    clone = np.repeat(np.arange(len(harvest_day)), N_FOUNDERS)
    cells = _Cells(world.origin[clone], clone, np.full(len(clone), -1))
    harvests = []
    for day in range(1, days[-1] + 1):
        cells = _one_day(cells, world, rng)
        if day in days:
            share = np.where(harvest_day == -1, 0.5, harvest_day == day)
            taken = rng.random(len(cells.clone)) < share[cells.clone]
            harvests.append(cells.take(taken))
            cells = cells.take(~taken)
    time = np.repeat(days, [len(harvest.clone) for harvest in harvests])
    return _Cells(*(np.concatenate(fields) for fields in zip(*harvests, strict=True))), time


def _one_day(cells: _Cells, world: _World, rng: np.random.Generator) -> _Cells:
    n = len(cells.clone)
    commits = (cells.fate == -1) & (rng.random(n) < COMMIT)
    cumulative = world.bias.cumsum(axis=1)[cells.clone, :-1]
    fate = np.where(commits, (rng.random((n, 1)) > cumulative).sum(axis=1), cells.fate)
    target = np.where(fate[:, None] == -1, world.origin[cells.clone], world.fate_centers[fate])
    x = cells.x + DRIFT * (target - cells.x) + NOISE * rng.standard_normal(cells.x.shape)
    n_daughters = rng.choice(3, size=n, p=[DEATH, 1 - DEATH - DIVISION, DIVISION])
    return _Cells(x, cells.clone, fate).take(np.repeat(np.arange(n), n_daughters))
