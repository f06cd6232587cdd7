"""Whether sets differ in frame, or in how many of their cells are where."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scgde.metrics import energy_distance
from scgde.results._generation_scores import MIN_CELLS, TrainingSets, halves, in_frame_of

if TYPE_CHECKING:
    from scgde.data import CellSets
    from scgde.results._generation_scores import Ground

#: Sets that are compared, and that they are compared with; cells of each; random halves of each that is compared.
_N_COMPARED, _N_OTHERS, _N_CELLS, _N_HALVES = 128, 400, 200, 3
#: Fewer sets than these say too little.
_MIN_COMPARED = 8


class FrameErrors(NamedTuple):
    """How near cells come to a set that they are not of, in energy distances over that of the nearest other set.

    Attributes
    ----------
    pooled
        Cells of all sets, moved and stretched to the mean and standard deviations of the set.
    nearest
        The same of cells of the nearest other set.
    """

    pooled: float
    nearest: float


def frame_errors(cells: CellSets, train: np.ndarray, *, seed: int) -> FrameErrors | None:
    """Errors of cells in the frame of one half of a set against its other half, see :class:`FrameErrors`.

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
    None where there are too few sets of 10 cells to tell.
    """
    rng = np.random.default_rng(seed)
    drawn = rng.permutation(train[cells.index.sizes[train] >= MIN_CELLS])
    by_size = drawn[np.argsort(-cells.index.sizes[drawn], kind="stable")]
    n = min(_N_COMPARED, len(drawn) // 2)
    compared, others = by_size[:n], rng.permutation(by_size[n:])[:_N_OTHERS]
    if len(others) < _MIN_COMPARED:
        return None
    ground = _in_standard_deviations(cells, others)
    known = TrainingSets.of(ground, cells, others, max_cells=_N_CELLS)
    rows = [cells.index.rows(i) for i in np.repeat(compared, _N_HALVES)]
    pooled, nearest, as_is = np.mean([_errors(rng.permutation(part), known, rng) for part in rows], axis=0)
    # Where the nearest set is no farther than the noise, nothing is gained by moving it.
    return FrameErrors(pooled / as_is, nearest / as_is) if as_is > 0 else None


def _in_standard_deviations(cells: CellSets, sets: np.ndarray) -> Ground:
    """Features in units of their standard deviation over some cells of ``sets``."""
    some = np.concatenate([cells.index.rows(i)[:MIN_CELLS] for i in sets])
    sd = cells.target.store.rows(some).std(axis=0, dtype=np.float64)
    return lambda x: x / np.where(sd > 0, sd, 1)


def _errors(rows: np.ndarray, known: TrainingSets, rng: np.random.Generator) -> list[float]:
    """Energy distances to one half of a set: all cells and the nearest set in the frame of the other, and as it is."""
    seen, unseen = (known.read(half) for half in halves(rows[: 2 * _N_CELLS]))
    nearest = known.draw_nearest(seen, _N_CELLS, rng)
    clouds = in_frame_of(seen, known.draw(_N_CELLS, rng).cells), in_frame_of(seen, nearest), nearest
    return [energy_distance(cloud, unseen, unbiased=True) for cloud in clouds]
