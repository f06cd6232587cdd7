"""The energy distance of two populations as an exact sum: composition, shift and dispersion, state by state."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

PARTS = ("composition", "shift", "dispersion")
_FEATURES_PER_BLOCK = 256
_VALUES_PER_BLOCK = 2**22


class Population(NamedTuple):
    """Cells with weights and states.

    Attributes
    ----------
    x
        Shape ``(n, G)``.
    weights
        Positive, of sum 1, shape ``(n,)``.
    states
        Codes, shape ``(n,)``.
    """

    x: np.ndarray
    weights: np.ndarray
    states: np.ndarray

    def shares(self, n_states: int) -> np.ndarray:
        """Weight of each state, shape ``(K,)``."""
        return np.bincount(self.states, self.weights, minlength=n_states)

    def means(self, n_states: int) -> np.ndarray:
        """Mean of each state, 0 where it is empty, shape ``(K, G)``."""
        totals = np.zeros((n_states, self.x.shape[1]))
        np.add.at(totals, self.states, self.weights[:, None] * self.x)
        shares = self.shares(n_states)[:, None]
        return np.divide(totals, shares, out=totals, where=shares > 0)


class Decomposition(NamedTuple):
    """A difference of two populations as a sum of signed measures on common points.

    Attributes
    ----------
    points
        Cells of a and b, and both again with each state moved to its mean in the other; shape ``(N, G)``.
    difference
        Weight of b minus a, shape ``(N,)``.
    measures
        Its parts by state, of sum ``difference`` and each of mass 0, shape ``(3, K, N)``.
    """

    points: np.ndarray
    difference: np.ndarray
    measures: np.ndarray

    def contributions(self) -> np.ndarray:
        """To the energy distance, shape ``(3, K)``; of sum the distance itself.

        Inner products of each part with the whole difference: where the squared length of a sum is shared out among
        its terms, that is the Shapley value of each. A part that works against the others is negative.
        """
        return self.measures @ _potential(self.points, self.difference)

    def contributions_by_feature(self) -> np.ndarray:
        """The same for the energy distance of each feature alone, states together, shape ``(3, G)``."""
        measures, blocks = self.measures.sum(axis=1), range(0, self.points.shape[1], _FEATURES_PER_BLOCK)
        parts = [self.points[:, start : start + _FEATURES_PER_BLOCK] for start in blocks]
        return np.concatenate([measures @ _potential_by_feature(part, self.difference) for part in parts], axis=1)


def decompose(a: Population, b: Population, n_states: int) -> Decomposition:
    """Split ``b - a``, with shares p and q of states, and distributions A and B within them.

    Composition is ``(q - p) (A + B) / 2``, the rest ``(p + q) / 2 (B - A)``: of it, shift is what moving A to the mean
    of B, or B to that of A, does (half of each), and dispersion what is left when the means agree. A state that one of
    them lacks is all composition.
    """
    p, q = a.shares(n_states), b.shares(n_states)
    n = len(a.x), len(b.x)
    shift = np.where(((p > 0) & (q > 0))[:, None], b.means(n_states) - a.means(n_states), 0)
    points = np.concatenate([a.x, b.x, a.x + shift[a.states], b.x - shift[b.states]])
    within_a, within_b = _within(a, p, n_states), _within(b, q, n_states)
    zero_a, zero_b = np.zeros((n_states, n[0])), np.zeros((n_states, n[1]))
    both = ((p > 0) & (q > 0))[:, None]
    # Of a state that is in one only, there is only that one to take the mean of.
    mean = np.concatenate([within_a, within_b], axis=1) / np.where(both, 2, 1)
    reference = np.concatenate([a.weights, b.weights]) / 2
    composition = (q - p)[:, None] * np.concatenate([mean - reference, zero_a, zero_b], axis=1)
    half = np.where(both, (p + q)[:, None] / 4, 0)
    moved = half * np.concatenate([-within_a, within_b, within_a, -within_b], axis=1)
    left = half * np.concatenate([-within_a, within_b, -within_a, within_b], axis=1)
    difference = np.concatenate([-a.weights, b.weights, np.zeros(sum(n))])
    return Decomposition(points, difference, np.stack([composition, moved, left]))


def energy_by_feature(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Energy distance of each feature alone, shape ``(G,)``."""
    points = np.concatenate([x, y])
    difference = np.concatenate([np.full(len(x), -1 / len(x)), np.full(len(y), 1 / len(y))])
    return difference @ _potential_by_feature(points, difference)


def _within(population: Population, shares: np.ndarray, n_states: int) -> np.ndarray:
    """Weights of the cells of each state, of sum 1 where there are any, shape ``(K, n)``."""
    here = population.states == np.arange(n_states)[:, None]
    return np.where(here, population.weights / shares[population.states], 0)


def _potential(points: np.ndarray, difference: np.ndarray) -> np.ndarray:
    """Minus the mean distance of each point to the difference, shape ``(N,)``."""
    atoms = np.flatnonzero(difference)
    step = max(1, _VALUES_PER_BLOCK // len(atoms))
    blocks = [points[start : start + step] for start in range(0, len(points), step)]
    return -np.concatenate([cdist(block, points[atoms]) @ difference[atoms] for block in blocks])


def _potential_by_feature(points: np.ndarray, difference: np.ndarray) -> np.ndarray:
    """The same along each feature, shape ``(N, G)``: sums over what lies to the left, as the mass is 0 in all."""
    order = np.argsort(points, axis=0, kind="stable")
    values, weights = np.take_along_axis(points, order, axis=0), difference[order]
    mass, moment = weights.cumsum(axis=0), (weights * values).cumsum(axis=0)
    potential = np.empty_like(values)
    np.put_along_axis(potential, order, 2 * (moment - values * mass) - moment[-1], axis=0)
    return potential
