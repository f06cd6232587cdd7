"""Draws of cells from many sets at once, with weights that keep each draw an exact empirical measure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from scgde.sets._index import SetIndex


class Draw(NamedTuple):
    """Cells of a batch of sets: ``rows`` and ``weights`` of shape ``(S, M)``, each row of weights sums to 1."""

    rows: np.ndarray
    weights: np.ndarray


class Views(NamedTuple):
    """Two draws from each set: what the encoder sees, and what the generator has to explain."""

    encoder: Draw
    generator: Draw


def draw_views(index: SetIndex, sets: np.ndarray, *, set_size: int, disjoint: bool, rng: np.random.Generator) -> Views:
    """Draw two views of ``set_size`` cells from each of ``sets``.

    Disjoint views share no cell: a set below ``2 * set_size`` cells is halved at random (a set of one cell cannot be
    and is seen by both). Otherwise both views are the same cells. A view with fewer cells than slots repeats
    them, each with its weight divided among its copies, so that it *is* the empirical measure of those cells.
    """
    width = 2 * set_size if disjoint else set_size
    rows, n_drawn = _draw_distinct(index, sets, width=width, rng=rng)
    if not disjoint:
        draw = _tile(rows, np.zeros_like(n_drawn), n_drawn, set_size)
        return Views(draw, draw)
    half = (n_drawn + 1) // 2
    rest = np.maximum(n_drawn - half, 1)
    return Views(_tile(rows, np.zeros_like(half), half, set_size), _tile(rows, n_drawn - rest, rest, set_size))


def _draw_distinct(
    index: SetIndex, sets: np.ndarray, *, width: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Up to ``width`` distinct rows of each set in random order, and how many there are; the rest is filler.

    One row from each of ``width`` equal strata of the (shuffled) set, turned by a random offset: every cell is equally
    likely, none comes twice, and the cost does not grow with the set.
    """
    size = np.diff(index.offsets)[sets][:, None]
    n_drawn = np.minimum(size, width)
    slot = np.arange(width)[None, :]
    low, high = slot * size // n_drawn, (slot + 1) * size // n_drawn
    position = low + (rng.random((len(sets), width)) * (high - low)).astype(np.int64)
    position = (position + (rng.random(size.shape) * size).astype(np.int64)) % size
    order = np.where(slot < n_drawn, rng.random(position.shape), 2.0).argsort(axis=1)
    position = np.take_along_axis(position, order, axis=1)
    return index.cells[index.offsets[sets][:, None] + position], n_drawn[:, 0]


def _tile(rows: np.ndarray, start: np.ndarray, count: np.ndarray, n_slots: int) -> Draw:
    """Fill ``n_slots`` with ``rows[start : start + count]`` of each set, repeated in turn."""
    slot, count = np.arange(n_slots)[None, :], count[:, None]
    cell = slot % count
    copies = n_slots // count + (cell < n_slots % count)
    weights = (1.0 / (np.minimum(count, n_slots) * copies)).astype(np.float32)
    return Draw(np.take_along_axis(rows, start[:, None] + cell, axis=1), weights)
