from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist

from scgde._checks import check_columns, check_count, check_seed
from scgde._columns import classes
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde._types import Measure
from scgde.data import CellView
from scgde.data.representations import Vectors
from scgde.model._base_gde import BaseGDE
from scgde.results import FittedSets, read_model
from scgde.results._explanation import Explanation
from scgde.sets._set_groups import SetGroup, set_groups
from scgde.stats._energy_decomposition import PARTS, decompose, energy_by_feature, state_shares
from scgde.tl._generate import check_decodable, generated_cells
from scgde.tl._interpolate import interpolate_linearly

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData

    from scgde._types import SetLike


@checked_keywords
@shared_docs
def explain(
    adata: AnnData,
    label_key: str | SetLike | Sequence[SetLike] | None = None,
    a: Any = None,
    b: Any = None,
    *,
    state_key: str | None = None,
    decode: bool = False,
    n_cells: int = 1000,
    n_steps: int = 11,
    key: str = "gde",
    seed: int = 0,
) -> Explanation:
    """What the difference between two sets, or two groups of sets, consists of.

    ``explain(adata, "status", "Healthy", "Covid")`` compares the sets with two values of a column;
    ``explain(adata, a, b)`` compares sets by name.

    The energy distance between the cells is split into three parts that add up to it. *Composition*: the states have
    other shares. *Shift*: within states, means differ. *Dispersion*: within states, the distribution is another
    one around its mean. Each part is what it contributes to the whole (its inner product with the whole difference, the
    Shapley value of a squared length); one that works against the others is negative.

    Features are ranked by the distance of the observed cells. Cells generated along the line between the embeddings,
    which are many, and free of what is particular to the few cells measured, show how the model explains it.

    Parameters
    ----------
    adata
        A fitted AnnData, with its cells.
    label_key
        Column of the set table, or of ``obs``, whose values `a` and `b` are. Left out, `a` and `b` are sets.
    a, b
        The two sides: a value, or several, of `label_key`; else a set, or several, by name or by value
        (``{"status": "Covid"}``). Each set of a group counts the same.
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
        %(key)s
    seed
        %(seed)s

    Returns
    -------
    The result. :func:`scgde.pl.explain` draws it.

    Raises
    ------
    KeyError
        If there is no fit, no such set or column.
    TypeError
        If there are not two sides.
    ValueError
        If no set has a value, `a` and `b` share sets, or there are no cells to compare.

    References
    ----------
    :cite:t:`Szekely13`; :cite:t:`Shapley53`.

    Examples
    --------
    >>> import scgde
    >>> result = scgde.tl.explain(adata, "shift", "control", "shifted", state_key="cell_type")
    >>> result.parts.index.tolist()
    ['composition', 'shift', 'dispersion']
    """
    n_cells, rng = check_count(n_cells, "n_cells", minimum=2), check_seed(seed)
    n_steps = check_count(n_steps, "n_steps", minimum=2)
    check_decodable(read_model(adata, key, BaseGDE), decode=decode)
    codes, names = _states(adata, state_key)
    fitted = FittedSets.read(adata, key, BaseGDE)
    groups = [_side_of(adata, some, key) for some in _sides_asked(label_key, a, b)]
    sides = [_side(fitted, group, codes, n_cells, rng) for group in groups]
    _check_disjoint(*sides)
    states = (sides[0].states, sides[1].states)
    scaled = [Measure(fitted.ground(side.rows), side.weights) for side in sides]
    contributions = decompose(scaled[0], scaled[1], states, len(names)).contributions()
    path = _path(fitted.model, sides, n_cells, n_steps, seed, decode=decode)
    store, is_vector = fitted.cells.target.store, fitted.model.module.target_spec.is_vector
    if decode and is_vector:
        store = CellView.open(adata, Vectors("X", None, path.names.tolist()), all_rows=False).store
    measured = scaled
    if is_vector:
        measured = [Measure(store.rows(side.rows).astype(np.float64), side.weights) for side in sides]
    return Explanation(
        float(contributions.sum()),
        sum(map(_floor, scaled)),
        pd.Series(contributions.sum(axis=1), index=PARTS),
        _state_table(contributions, sides, names),
        *_features(measured, states, path, len(names)),
        (sides[0].names, sides[1].names),
        (groups[0].name, groups[1].name),
    )


def _sides_asked(label_key: Any, a: Any, b: Any) -> tuple[Any, Any]:
    """What to compare; with values of a column, groups of sets. Without a column, its place is taken by `a`."""
    asked = [one for one in (label_key, a, b) if one is not None]
    if len(asked) == 3 and isinstance(label_key, str):
        return {label_key: a}, {label_key: b}
    if len(asked) != 2:
        msg = "`explain` compares two sides: pass `label_key`, `a` and `b`, or two sets. Got {asked}."
        raise TypeError(msg.format(asked=asked))
    return asked[0], asked[1]


def _side_of(adata: AnnData, asked: Any, key: str) -> SetGroup:
    """One side, of one set or several."""
    groups = set_groups(adata, asked, "`a` and `b`", key)
    name = groups[0].name if len(groups) == 1 else f"{len(groups)} sets"
    return SetGroup(name, np.unique(np.concatenate([group.rows for group in groups])))


class _Path(NamedTuple):
    """Cells generated at each step, shape ``(T, n, G)``, and the names of their features."""

    cells: np.ndarray
    names: pd.Index


class _Side(NamedTuple):
    """Drawn cells of a group of sets: rows, weights and states ``(n,)``; and the mean embedding of the sets."""

    names: list[str]
    rows: np.ndarray
    weights: np.ndarray
    states: np.ndarray
    embedding: np.ndarray


def _side(fitted: FittedSets, group: SetGroup, states: np.ndarray, n_cells: int, rng: np.random.Generator) -> _Side:
    sets, names = group.rows, fitted.table.index[group.rows].tolist()
    each = -(-n_cells // len(names))
    parts = [_with_state(fitted.index.rows(i), states) for i in sets]
    rows = [rng.permutation(part)[:each] for part in parts]
    empty = [name for name, part in zip(names, rows, strict=True) if not len(part)]
    if empty:
        msg = f"`adata` must hold cells with a state of every set in `a` and `b`, but holds none of {empty[:5]}."
        raise ValueError(msg)
    weights = np.concatenate([np.full(len(part), 1 / len(part) / len(names)) for part in rows])
    chosen = np.concatenate(rows)
    return _Side(names, chosen, weights, states[chosen], fitted.embedding[sets].mean(axis=0))


def _with_state(rows: np.ndarray, states: np.ndarray) -> np.ndarray:
    return rows[states[rows] >= 0]


def _states(adata: AnnData, state_key: str | None) -> tuple[np.ndarray, list[str]]:
    """Code of each cell, -1 for none, and names."""
    if state_key is None:
        return np.zeros(adata.n_obs, dtype=np.int64), ["all"]
    check_columns(adata.obs, state_key=state_key)
    return classes(adata.obs[state_key])


def _check_disjoint(a: _Side, b: _Side) -> None:
    both = sorted(set(a.names) & set(b.names))
    if both:
        msg = f"`a` and `b` must not share sets, got {both[:5]} in both."
        raise ValueError(msg)


def _path(model: BaseGDE, sides: list[_Side], n_cells: int, n_steps: int, seed: int, *, decode: bool) -> _Path:
    """Cells at each step of the line between the mean embeddings, from the same noise."""
    line = interpolate_linearly(np.stack([side.embedding for side in sides]), np.linspace(0, 1, n_steps))
    steps = np.concatenate([model.generate(step[None], n_cells, seed=seed)[0] for step in line])
    is_vector = model.module.target_spec.is_vector
    if decode and is_vector:
        cells = generated_cells(model, [steps[None]], pd.DataFrame(index=range(len(steps))), decode=True)
        return _Path(cells.X.reshape(n_steps, n_cells, -1), cells.var_names)
    features = steps if is_vector else model.ground(steps)
    return _Path(features.reshape(n_steps, n_cells, -1), pd.Index(model.representations[1].names))


def _floor(measure: Measure) -> float:
    """What so few cells add to an energy distance, on average."""
    within = measure.weights @ cdist(measure.x, measure.x) @ measure.weights
    repeated = (measure.weights**2).sum()
    return float(within * repeated / max(1 - repeated, repeated))


def _state_table(contributions: np.ndarray, sides: list[_Side], names: list[str]) -> pd.DataFrame:
    both = (state_shares(side.weights, side.states, len(names)) for side in sides)
    shares = dict(zip(("share_a", "share_b"), both, strict=True))
    table = pd.DataFrame(shares | dict(zip(PARTS, contributions, strict=True)), index=pd.Index(names, name="state"))
    return table[(table["share_a"] > 0) | (table["share_b"] > 0)]


def _features(
    measures: list[Measure], states: tuple[np.ndarray, np.ndarray], path: _Path, n_states: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Table of the features, and their means along the path."""
    center, scale = _moments(measures)
    standard = [side._replace(x=(side.x - center) / scale) for side in measures]
    steps = (path.cells - center) / scale
    parts = decompose(standard[0], standard[1], states, n_states).contributions_by_feature()
    means = dict(zip(("mean_a", "mean_b"), (side.weights @ side.x for side in standard), strict=True))
    columns = means | {"total": parts.sum(axis=0)} | dict(zip(PARTS, parts, strict=True))
    table = pd.DataFrame(columns | {"generated": energy_by_feature(steps[0], steps[-1])}, index=path.names)
    t = pd.Index(np.linspace(0, 1, len(steps)), name="t")
    by_rank = table.sort_values("total", ascending=False, kind="stable")
    return by_rank, pd.DataFrame(steps.mean(axis=1), index=t, columns=path.names)


def _moments(measures: list[Measure]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each feature, both sides counted the same."""
    center = sum(side.weights @ side.x for side in measures) / 2
    variance = sum(side.weights @ (side.x - center) ** 2 for side in measures) / 2
    return center, np.where(variance > 0, np.sqrt(variance), 1)
