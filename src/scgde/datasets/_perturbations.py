from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from scgde._checks import check_count, check_flag, check_one_of, check_seed
from scgde._hints import checked_keywords
from scgde.datasets._common import cells_anndata, names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from anndata import AnnData

#: States of unperturbed cells, their shares, and how far apart and how wide they are.
_SHARES, _STATE_SD, _CELL_SD = (0.4, 0.3, 0.2, 0.1), 2.0, 0.6
#: Size of effects: shift of all cells, change of the log odds of states, jump of the cells that respond.
_SHIFT_SD, _ODDS_SD, _JUMP_SD, _RESPONDING = 0.45, 1.3, 1.5, (0.3, 0.8)
#: Counts: genes, mean and log standard deviation of the library, inverse dispersion, size of loadings.
_N_GENES, _LIBRARY, _LIBRARY_SD, _THETA, _LOADING_SD = 200, 2000, 0.4, 5.0, 0.15


@checked_keywords
def perturbations(
    kind: str = "shift",
    *,
    n_singles: int = 30,
    n_doubles: int = 70,
    n_cells: int = 120,
    n_control: int = 400,
    n_features: int = 10,
    counts: bool = False,
    seed: int = 0,
) -> AnnData:
    """Cells under single perturbations and their combinations, which add up in one of three ways.

    Parameters
    ----------
    kind
        What a perturbation does. ``"shift"``: it moves all cells by one vector, and vectors add up.
        ``"composition"``: it changes the log odds of the four states that cells are in, and these add up.
        ``"penetrance"``: a share of the cells, 30 to 80 %, jumps by one vector, and cells jump independently.
    n_singles
        Single perturbations.
    n_doubles
        Combinations of two, drawn among all.
    n_cells, n_control
        Cells of each perturbation, and unperturbed ones.
    n_features
        Dimensions ``G``.
    counts
        Whether to add negative binomial counts of 200 genes, whose log rates are linear in the features.
    seed
        Seed of everything drawn.

    Returns
    -------
    Cells with ``obs["perturbation"]``: ``"control"``, ``"p_00"`` or ``"p_00+p_07"``, and ``obs["state"]``, the state
    before any shift or jump; with ``counts``, ``obsm["counts"]`` of shape ``(n_obs, 200)``. ``uns["truth"]``:
    ``effects``, of each single perturbation the vector or the change of log odds; ``responding``, the share of cells
    that respond; and ``states``, the mean of each state.

    Raises
    ------
    ValueError
        If there is no such kind, or there are fewer pairs of singles than ``n_doubles``.

    Examples
    --------
    >>> import scgde
    >>> adata = scgde.datasets.perturbations(n_singles=3, n_doubles=2, n_cells=20, n_control=50)
    >>> adata.obs["perturbation"].nunique()
    6
    """
    check_one_of(kind, "kind", list(_RESPONSES))
    n_singles, n_doubles = (
        check_count(n_singles, "n_singles", minimum=2),
        check_count(n_doubles, "n_doubles", minimum=0),
    )
    n_cells, n_control = check_count(n_cells, "n_cells"), check_count(n_control, "n_control")
    n_features = check_count(n_features, "n_features", minimum=2)
    with_counts, rng = check_flag(counts, "counts"), check_seed(seed)
    combinations = [(), *((i,) for i in range(n_singles)), *_doubles(n_singles, n_doubles, rng)]
    world = _World.draw(kind, n_singles, n_features, rng)
    drawn = [world.cells(parts, n_cells if parts else n_control, rng) for parts in combinations]
    single = names("p", n_singles)
    label = ["+".join(single[list(parts)]) or "control" for parts in combinations]
    sizes = [len(part.x) for part in drawn]
    states = np.concatenate([part.state for part in drawn])
    obs = {
        "perturbation": pd.Categorical(np.repeat(label, sizes), categories=label),
        "state": pd.Categorical.from_codes(states, names("state", len(_SHARES))),
    }
    truth = {
        "effects": pd.DataFrame(world.effects, index=single).rename(columns=str),
        "responding": pd.Series(world.responding, index=single).to_frame("share"),
        "states": world.states,
    }
    adata = cells_anndata(np.concatenate([part.x for part in drawn]), obs, truth)
    if with_counts:
        adata.obsm["counts"] = _counts(adata.X, rng)
    return adata


class _Cells(NamedTuple):
    x: np.ndarray  # (n, G)
    state: np.ndarray  # (n,)


class _World(NamedTuple):
    kind: str
    states: np.ndarray  # (K, G)
    effects: np.ndarray  # (n_singles, G or K)
    responding: np.ndarray  # (n_singles,)

    @classmethod
    def draw(cls, kind: str, n_singles: int, n_features: int, rng: np.random.Generator) -> _World:
        states = rng.normal(0, _STATE_SD, size=(len(_SHARES), n_features))
        size = {"shift": _SHIFT_SD, "composition": _ODDS_SD, "penetrance": _JUMP_SD}[kind]
        n_values = len(_SHARES) if kind == "composition" else n_features
        effects = rng.normal(0, size, size=(n_singles, n_values))
        responding = rng.uniform(*_RESPONDING, size=n_singles) if kind == "penetrance" else np.ones(n_singles)
        return cls(kind, states, effects, responding)

    def cells(self, parts: Sequence[int], n: int, rng: np.random.Generator) -> _Cells:
        odds = np.log(_SHARES)
        if self.kind == "composition":
            odds = odds + self.effects[list(parts)].sum(axis=0)
        shares = np.exp(odds - odds.max())
        state = rng.choice(len(shares), size=n, p=shares / shares.sum())
        x = self.states[state] + rng.normal(0, _CELL_SD, size=(n, self.states.shape[1]))
        return _Cells(x + _RESPONSES[self.kind](self, parts, n, rng), state)


def _no_motion(world: _World, parts: Sequence[int], n: int, rng: np.random.Generator) -> np.ndarray:
    return np.zeros((n, world.states.shape[1]))


def _motion(world: _World, parts: Sequence[int], n: int, rng: np.random.Generator) -> np.ndarray:
    """Sum of the vectors of the parts that each cell responds to, shape ``(n, G)``."""
    chosen = list(parts)
    responds = rng.random((n, len(chosen))) < world.responding[chosen]
    return responds @ world.effects[chosen]


_RESPONSES: dict[str, Callable[..., np.ndarray]] = {
    "shift": _motion,
    "composition": _no_motion,
    "penetrance": _motion,
}


def _doubles(n_singles: int, n_doubles: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    pairs = [(i, j) for j in range(n_singles) for i in range(j)]
    if n_doubles > len(pairs):
        msg = f"`n_doubles` must be at most the {len(pairs)} pairs of {n_singles} singles, got {n_doubles}."
        raise ValueError(msg)
    return [pairs[k] for k in rng.permutation(len(pairs))[:n_doubles]]


def _counts(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Negative binomial counts, int32 of shape ``(n, 200)``."""
    rates = rng.normal(0, 1, size=_N_GENES) + x @ rng.normal(0, _LOADING_SD, size=(x.shape[1], _N_GENES))
    share = np.exp(rates - rates.max(axis=1, keepdims=True))
    library = _LIBRARY * np.exp(rng.normal(0, _LIBRARY_SD, size=(len(x), 1)))
    mean = library * share / share.sum(axis=1, keepdims=True)
    return rng.poisson(mean * rng.gamma(_THETA, 1 / _THETA, size=mean.shape)).astype(np.int32)
