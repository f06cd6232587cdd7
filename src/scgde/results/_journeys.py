"""Cells of observed sets, moved to where a perturbation is predicted to take them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scgde.model._base_tde import BaseTDE
    from scgde.results._fitted_sets import FittedSets


#: The one move that changes which cells there are, and not where they are.
RESAMPLE = "resample"


class Journeys(NamedTuple):
    """Sets whose cells are moved, several of them for one prediction where a combination starts from its parts.

    Attributes
    ----------
    prediction
        Which prediction each belongs to, not decreasing, shape ``(J,)``.
    start
        Row of the set table, shape ``(J,)``.
    embedding
        Predicted for the target, shape ``(J, E)``.
    mean
        Predicted mean of the target in ground coordinates, shape ``(J, D)``.
    log_ratio
        Predicted logarithm of the ratio of the share of each state to that in the start, shape ``(J, K)``.
    is_still
        Whether nothing is known, so that the cells stay as they are, shape ``(J,)``.
    """

    prediction: np.ndarray
    start: np.ndarray
    embedding: np.ndarray
    mean: np.ndarray
    log_ratio: np.ndarray
    is_still: np.ndarray

    def take(self, rows: np.ndarray) -> Journeys:
        """Some of them."""
        return Journeys(*(part[rows] for part in self))


def _to_mean(fitted: FittedSets[BaseTDE], cells: list[np.ndarray], journeys: Journeys) -> list[np.ndarray]:
    """Cells shifted so that their mean is the predicted one."""
    means = [fitted.model.ground(part).mean(axis=0) for part in cells]
    ends = zip(cells, means, journeys.mean, strict=True)
    return [fitted.model.shift(part, end - mean) for part, mean, end in ends]


def _transported(
    fitted: FittedSets[BaseTDE], cells: list[np.ndarray], journeys: Journeys, seed: int
) -> list[np.ndarray]:
    sizes = [len(part) for part in cells]
    codes = np.repeat(np.arange(len(cells)), sizes)
    ends = fitted.embedding[journeys.start], journeys.embedding
    arrived = fitted.model.transport(np.concatenate(cells), codes, *ends, seed=seed)[0]
    return np.split(arrived, np.cumsum(sizes)[:-1])


def _by_shift(fitted: FittedSets[BaseTDE], cells: list[np.ndarray], journeys: Journeys, seed: int) -> list[np.ndarray]:
    return _to_mean(fitted, cells, journeys)


def _by_transport_to_mean(
    fitted: FittedSets[BaseTDE], cells: list[np.ndarray], journeys: Journeys, seed: int
) -> list[np.ndarray]:
    return _to_mean(fitted, _transported(fitted, cells, journeys, seed), journeys)


def _as_they_are(
    fitted: FittedSets[BaseTDE], cells: list[np.ndarray], journeys: Journeys, seed: int
) -> list[np.ndarray]:
    return cells


#: How cells are moved: all by the predicted difference of means; by the transport, which also changes the shape of a
#: set; by the transport, and then all alike, so that the mean is the predicted one; or not at all: they are drawn again
#: so that states have the predicted shares. The simplest first.
MOVES: dict[str, Callable[..., list[np.ndarray]]] = {
    "shift": _by_shift,
    "transport_to_mean": _by_transport_to_mean,
    "transport": _transported,
    RESAMPLE: _as_they_are,
}


def starting_rows(
    fitted: FittedSets[BaseTDE], journeys: Journeys, rows: Sequence[np.ndarray], move: str
) -> list[np.ndarray]:
    """Which of the cells in ``rows`` begin each journey: all of them, or some repeatedly, so that shares change."""
    if move != RESAMPLE:
        return list(rows)
    states = fitted.model.states
    assert states is not None
    ways = zip(rows, journeys.log_ratio, journeys.is_still, strict=True)
    return [part if is_still else part[states.resampled(fitted.ground(part), ratio)] for part, ratio, is_still in ways]


def moved_cells(
    fitted: FittedSets[BaseTDE], journeys: Journeys, rows: Sequence[np.ndarray], move: str, *, seed: int = 0
) -> list[np.ndarray]:
    """Cells at the end of each journey, from those in some ``rows`` of the data, a list ``(n, *shape)``."""
    cells = [fitted.observed(part) for part in rows]
    going = np.flatnonzero(~journeys.is_still)
    if len(going):
        arrived = MOVES[move](fitted, [cells[i] for i in going], journeys.take(going), seed)
        for place, part in zip(going, arrived, strict=True):
            cells[place] = part
    return cells
