from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist

from scgde import _keys
from scgde._checks import check_columns, check_count, check_seed, check_set_table, check_sets
from scgde.stats._energy_decomposition import PARTS, Population, decompose, energy_by_feature
from scgde.tl._carried import read_model, stored_index
from scgde.tl._generate import check_decodable
from scgde.tl._interpolate import along
from scgde.tl._set_level import as_names, classes
from scgde.tl._source import dense_rows, matching_features

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData

    from scgde.model import GDE


@dataclass(frozen=True)
class Explanation:
    """The difference between two sets, or groups of sets.

    Attributes
    ----------
    total
        Energy distance between their cells, in the units of the fit.
    floor
        What it would be on average between so many cells of one population.
    parts
        ``composition``, ``shift`` and ``dispersion``, of sum `total`.
    states
        One row per state: ``share_a``, ``share_b``, and what it has in each part.
    features
        One row per feature, in its standard deviations: ``mean_a``, ``mean_b``; the energy distance ``total`` along
        this feature alone, and its three parts; ``generated``, that distance between cells generated at both ends of
        the path. Largest `generated` first.
    path
        Mean of each feature over the cells generated at each t, in its standard deviations.
    """

    total: float
    floor: float
    parts: pd.Series
    states: pd.DataFrame = field(repr=False)
    features: pd.DataFrame = field(repr=False)
    path: pd.DataFrame = field(repr=False)


def explain(
    adata: AnnData,
    a: str | Sequence[str],
    b: str | Sequence[str],
    *,
    state_key: str | None = None,
    decode: bool = False,
    n_cells: int = 1000,
    n_steps: int = 11,
    key: str = "gde",
    seed: int = 0,
) -> Explanation:
    """What the difference between two sets, or two groups of sets, consists of.

    The energy distance between the cells is split into three parts that add up to it. *Composition*: the states have
    other shares. *Shift*: within states, means have moved. *Dispersion*: within states, the distribution is another
    one around its mean. Each part is what it contributes to the whole (its inner product with the whole difference, the
    Shapley value of a squared length); one that works against the others is negative.

    Features are ranked on cells generated along the line between the embeddings, which are many, and free of what is
    particular to the few cells measured.

    Parameters
    ----------
    adata
        A fitted AnnData, with its cells.
    a, b
        A set, or several. Each set of a group counts the same.
    state_key
        Column of ``obs`` with the state of each cell, such as its type. Cells without one are left out. None: all cells
        are in one state, and there is no composition.
    decode
        Whether to rank genes, where the fit is on principal components of `X`. The parts stay in components.
    n_cells
        Cells drawn on either side, and generated at each step.
    n_steps
        Steps of the path.
    key
        Name under which the fit was written.
    seed
        Random seed.

    Returns
    -------
    The result. :func:`scgde.pl.explain` draws it.

    Raises
    ------
    KeyError
        If there is no fit, no such set or column.
    ValueError
        If `a` and `b` share sets, or there are no cells to compare.

    References
    ----------
    :cite:t:`Szekely13`; :cite:t:`Shapley53`.
    """
    n_cells, rng = check_count(n_cells, "n_cells", minimum=2), check_seed(seed)
    n_steps = check_count(n_steps, "n_steps", minimum=2)
    check_set_table(adata.uns, key, entry=_keys.MODEL, made_by="scgde.tl.fit_gde")
    codes, names = _states(adata, state_key)
    sides = [_side(adata, as_names(some), codes, n_cells, rng, key) for some in (a, b)]
    _check_disjoint(*sides)
    model = read_model(adata, key)
    check_decodable(model, decode=decode)
    x = matching_features(adata, model)
    cells = [dense_rows(x, side.rows, np.float64) for side in sides]
    scaled = [side.population(some / model.module.scale.cpu().numpy()) for side, some in zip(sides, cells, strict=True)]
    contributions = decompose(scaled[0], scaled[1], len(names)).contributions()
    path = _path(model, sides, n_cells, n_steps, seed)
    if decode and model.decoder is not None:
        expression = adata[:, model.decoder.genes].X
        cells, path = [dense_rows(expression, side.rows, np.float64) for side in sides], model.decoder(path)
    measured = [side.population(some) for side, some in zip(sides, cells, strict=True)]
    labels = pd.Index(model.decoder.genes if decode and model.decoder is not None else model.source["names"])
    return Explanation(
        float(contributions.sum()),
        sum(map(_floor, scaled)),
        pd.Series(contributions.sum(axis=1), index=PARTS),
        _state_table(contributions, scaled, names),
        *_features(measured, path, labels, len(names)),
    )


class _Side(NamedTuple):
    """Drawn cells of a group of sets: rows, weights and states ``(n,)``; and the mean embedding of the sets."""

    names: list[str]
    rows: np.ndarray
    weights: np.ndarray
    states: np.ndarray
    embedding: np.ndarray

    def population(self, x: np.ndarray) -> Population:
        return Population(x, self.weights, self.states)


def _side(
    adata: AnnData, names: list[str], states: np.ndarray, n_cells: int, rng: np.random.Generator, key: str
) -> _Side:
    table = adata.uns[key][_keys.SETS]
    place = check_sets(table.index, names, "`a` and `b`")
    index = stored_index(adata, table, key)
    each = -(-n_cells // len(names))
    parts = [_with_state(index.rows(i), states) for i in place]
    rows = [rng.permutation(part)[:each] for part in parts]
    empty = [name for name, part in zip(names, rows, strict=True) if not len(part)]
    if empty:
        msg = f"`adata` must hold cells with a state of every set in `a` and `b`, but holds none of {empty[:5]}."
        raise ValueError(msg)
    weights = np.concatenate([np.full(len(part), 1 / len(part) / len(names)) for part in rows])
    chosen = np.concatenate(rows)
    embedding = np.asarray(adata.uns[key][_keys.EMBEDDING])[place].mean(axis=0)
    return _Side(names, chosen, weights, states[chosen], embedding)


def _with_state(rows: np.ndarray, states: np.ndarray) -> np.ndarray:
    return rows[states[rows] >= 0]


def _states(adata: AnnData, state_key: str | None) -> tuple[np.ndarray, list[str]]:
    """Code of each cell, -1 for none, and names."""
    if state_key is None:
        return np.zeros(adata.n_obs, dtype=np.int64), ["all"]
    check_columns(adata.obs, [state_key], "state_key")
    return classes(adata.obs[state_key])


def _check_disjoint(a: _Side, b: _Side) -> None:
    both = sorted(set(a.names) & set(b.names))
    if both:
        msg = f"`a` and `b` must not share sets, got {both[:5]} in both."
        raise ValueError(msg)


def _path(model: GDE, sides: list[_Side], n_cells: int, n_steps: int, seed: int) -> np.ndarray:
    """Cells at each step of the line between the mean embeddings, from the same noise, shape ``(T, n, G)``."""
    line = along(np.stack([side.embedding for side in sides]), np.linspace(0, 1, n_steps))
    return np.stack([model.generate(step[None], n_cells, seed=seed)[0] for step in line])


def _floor(population: Population) -> float:
    """What so few cells add to an energy distance, on average."""
    within = population.weights @ cdist(population.x, population.x) @ population.weights
    repeated = (population.weights**2).sum()
    return float(within * repeated / max(1 - repeated, repeated))


def _state_table(contributions: np.ndarray, populations: list[Population], names: list[str]) -> pd.DataFrame:
    shares = dict(zip(("share_a", "share_b"), (side.shares(len(names)) for side in populations), strict=True))
    table = pd.DataFrame(shares | dict(zip(PARTS, contributions, strict=True)), index=pd.Index(names, name="state"))
    return table[(table["share_a"] > 0) | (table["share_b"] > 0)]


def _features(
    populations: list[Population], path: np.ndarray, names: pd.Index, n_states: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Table of the features, and their means along the path."""
    center, scale = _moments(populations)
    standard = [side._replace(x=(side.x - center) / scale) for side in populations]
    path = (path - center) / scale
    parts = decompose(standard[0], standard[1], n_states).contributions_by_feature()
    means = dict(zip(("mean_a", "mean_b"), (side.weights @ side.x for side in standard), strict=True))
    columns = means | {"total": parts.sum(axis=0)} | dict(zip(PARTS, parts, strict=True))
    table = pd.DataFrame(columns | {"generated": energy_by_feature(path[0], path[-1])}, index=names)
    t = pd.Index(np.linspace(0, 1, len(path)), name="t")
    by_rank = table.sort_values("generated", ascending=False, kind="stable")
    return by_rank, pd.DataFrame(path.mean(axis=1), index=t, columns=names)


def _moments(populations: list[Population]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each feature, both sides counted the same."""
    center = sum(side.weights @ side.x for side in populations) / 2
    variance = sum(side.weights @ (side.x - center) ** 2 for side in populations) / 2
    return center, np.where(variance > 0, np.sqrt(variance), 1)
