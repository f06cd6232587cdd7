"""Whether sets differ in frame, or in how many of their cells are where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scgde.metrics import energy_distance
from scgde.results._generation_scores import MEAN_SD, MIN_CELLS, NEAREST, TrainingSets, halves, simple_descriptions

if TYPE_CHECKING:
    from scgde.data import CellSets
    from scgde.results._generation_scores import Ground

#: Sets that are compared, and that they are compared with; cells of each.
_N_COMPARED, _N_OTHERS, _N_CELLS = 128, 400, 200
#: Fewer sets than these say too little.
_MIN_COMPARED = 8
#: How near cells in the frame of a set must be, relative to those of the nearest set.
_MARGIN = 0.3


def differ_in_frame(cells: CellSets, train: np.ndarray, *, seed: int) -> bool:
    """Whether cells of all sets, moved and stretched to one half of a set, are much nearer to the other half than the
    cells of the nearest other set: at less than three tenths of their energy distance.

    Parameters
    ----------
    cells
        Vectors in sets.
    train
        Training sets. The largest are compared, whose halves tell most, with some of the others.
    seed
        Random seed.

    Returns
    -------
    False where there are too few sets of 10 cells to tell.
    """  # noqa: D205
    rng = np.random.default_rng(seed)
    drawn = rng.permutation(train[cells.index.sizes[train] >= MIN_CELLS])
    by_size = drawn[np.argsort(-cells.index.sizes[drawn], kind="stable")]
    n = min(_N_COMPARED, len(drawn) // 2)
    compared, others = by_size[:n], rng.permutation(by_size[n:])[:_N_OTHERS]
    if len(others) < _MIN_COMPARED:
        return False
    ground = _in_standard_deviations(cells, others)
    known = TrainingSets.of(ground, cells, others, max_cells=_N_CELLS)
    errors = np.array([_errors(rng.permutation(cells.index.rows(i)), known, rng) for i in compared])
    in_frame, nearest = errors.mean(axis=0)
    return bool(in_frame < _MARGIN * nearest)


def _in_standard_deviations(cells: CellSets, sets: np.ndarray) -> Ground:
    """Features in units of their standard deviation over some cells of ``sets``."""
    some = np.concatenate([cells.index.rows(i)[:MIN_CELLS] for i in sets])
    sd = cells.target.store.rows(some).std(axis=0, dtype=np.float64)
    return lambda x: x / np.where(sd > 0, sd, 1)


def _errors(rows: np.ndarray, known: TrainingSets, rng: np.random.Generator) -> list[float]:
    """Energy distances to one half of a set: of cells in the frame of the other half, and of the nearest set."""
    seen, unseen = (known.read(half) for half in halves(rows[: 2 * _N_CELLS]))
    simple = dict(simple_descriptions(seen, known, n_cells=_N_CELLS, n_dims=1, rng=rng))
    return [energy_distance(simple[name], unseen, unbiased=True) for name in (MEAN_SD, NEAREST)]
