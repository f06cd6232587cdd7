"""Draws of cells from many sets at once, with weights that keep each draw an exact empirical measure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from scgde.data._index import SetIndex


class Draw(NamedTuple):
    """Cells of a batch of sets: ``rows`` and ``weights`` of shape ``(S, M)``, each row of weights sums to 1."""

    rows: np.ndarray
    weights: np.ndarray


class Views(NamedTuple):
    """Two draws from each set: what the encoder sees, and what the generator has to explain."""

    encoder: Draw
    generator: Draw


def draw_views(
    index: SetIndex,
    sets: np.ndarray,
    *,
    set_size: int,
    target_size: int,
    disjoint: bool = True,
    rng: np.random.Generator,
) -> Views:
    """Draw ``set_size`` cells of each set for the encoder and ``target_size`` for the generator.

    Disjoint views share no cell, so that the embedding learns what is true of the population and not of the draw.
    The generator then gets its ``target_size`` cells, but never more than half of a set, and the encoder the rest.
    A set of one cell cannot be split and is seen by both. With fewer cells than slots, those of the encoder are padded
    with weight 0, and those of the generator repeated, each with its weight divided among its copies, so that as many
    noises as slots are drawn: either view *is* the empirical measure of its cells.

    Parameters
    ----------
    index
        All sets.
    sets
        Sets to draw from, shape ``(S,)``; one may come several times.
    set_size, target_size
        Slots of the two views.
    disjoint
        Whether the views share no cell; else both come from the same cells.
    rng
        Random state.
    """
    size = index.sizes_of(sets)
    width = set_size + target_size if disjoint else max(set_size, target_size)
    rows = _draw_distinct(index, sets, width=width, rng=rng)
    if not disjoint:
        first = np.zeros_like(size)
        return Views(
            _pad(index, rows, np.minimum(size, set_size), set_size),
            _tile(index, rows, first, np.minimum(size, target_size), target_size),
        )
    n_target = np.clip(size // 2, 1, target_size)
    n_seen = np.clip(size - n_target, 1, set_size)
    last = np.minimum(size, width)
    seen = _pad(index, rows, n_seen, set_size)
    return Views(seen, _tile(index, rows, last - n_target, n_target, target_size))


def _draw_distinct(index: SetIndex, sets: np.ndarray, *, width: int, rng: np.random.Generator) -> np.ndarray:
    """Up to ``width`` distinct rows of each set in random order, followed by filler where a set is smaller.

    One row from each of ``width`` equal strata of the (shuffled) set, turned by a random offset: every cell is equally
    likely, none comes twice, and the cost does not grow with the set.
    """
    size = index.sizes_of(sets)[:, None]
    n_drawn = np.minimum(size, width)
    slot = np.arange(width)[None, :]
    low, high = slot * size // n_drawn, (slot + 1) * size // n_drawn
    position = low + (rng.random((len(sets), width)) * (high - low)).astype(np.int64)
    position = (position + (rng.random(size.shape) * size).astype(np.int64)) % size
    order = np.where(slot < n_drawn, rng.random(position.shape), 2.0).argsort(axis=1)
    position = np.take_along_axis(position, order, axis=1)
    return index.cells[index.offsets[sets][:, None] + position]


def _pad(index: SetIndex, rows: np.ndarray, count: np.ndarray, n_slots: int) -> Draw:
    """The first ``count`` rows of each set, then slots of weight 0."""
    slot, count = np.arange(n_slots)[None, :], count[:, None]
    drawn = np.take_along_axis(rows, np.minimum(slot, count - 1), axis=1)
    return Draw(drawn, index.normalised(drawn, (slot < count).astype(float)))


def _tile(index: SetIndex, rows: np.ndarray, start: np.ndarray, count: np.ndarray, n_slots: int) -> Draw:
    """Fill ``n_slots`` with ``rows[start : start + count]`` of each set, repeated in turn."""
    slot, count = np.arange(n_slots)[None, :], count[:, None]
    cell = slot % count
    copies = n_slots // count + (cell < n_slots % count)
    drawn = np.take_along_axis(rows, start[:, None] + cell, axis=1)
    return Draw(drawn, index.normalised(drawn, 1.0 / copies))
