"""The energy distance of two measures as an exact sum: composition, shift and dispersion, state by state."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

if TYPE_CHECKING:
    from scgde._types import Measure

PARTS = ("composition", "shift", "dispersion")
_FEATURES_PER_BLOCK = 256
_VALUES_PER_BLOCK = 2**22


class Decomposition(NamedTuple):
    """The difference of two measures as a sum of signed measures on common points.

    Attributes
    ----------
    points
        Cells of a and of b, then both again with each state shifted to its mean in the other; shape ``(N, G)``.
    difference
        Weight of b minus weight of a at each point, shape ``(N,)``.
    measures
        Parts of the difference by state, each of mass 0, with sum ``difference``, shape ``(3, K, N)``.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> from scgde.metrics import Measure
    >>> rng = np.random.default_rng(0)
    >>> a, b = (Measure(rng.normal(mean, 1, (50, 2)), np.full(50, 1 / 50)) for mean in (0, 1))
    >>> states = (np.zeros(50, dtype=int), np.zeros(50, dtype=int))
    >>> stats.decompose(a, b, states, 1).contributions().shape
    (3, 1)
    """

    points: np.ndarray
    difference: np.ndarray
    measures: np.ndarray

    def contributions(self) -> np.ndarray:
        """Contribution of each part to the energy distance, shape ``(3, K)``; the sum is the distance itself.

        The energy distance of the difference d is the squared length ``<d, d>`` with kernel ``-|x - y|``
        (:cite:t:`Szekely13`). The contribution of a part p is ``<p, d>``: the Shapley value of a term of a squared
        sum. A part that works against the others is negative.
        """
        return self.measures @ _potential(self.points, self.difference)

    def contributions_by_feature(self) -> np.ndarray:
        """Contributions to the energy distance of each feature alone, summed over states, shape ``(3, G)``."""
        measures, blocks = self.measures.sum(axis=1), range(0, self.points.shape[1], _FEATURES_PER_BLOCK)
        parts = [self.points[:, start : start + _FEATURES_PER_BLOCK] for start in blocks]
        return np.concatenate([measures @ _potential_by_feature(part, self.difference) for part in parts], axis=1)


def state_shares(weights: np.ndarray, states: np.ndarray, n_states: int) -> np.ndarray:
    """Weight of each state, from weights and codes of the cells ``(n,)``; shape ``(K,)``.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> stats.state_shares(np.array([0.5, 0.25, 0.25]), np.array([0, 1, 1]), 2).tolist()
    [0.5, 0.5]
    """
    return np.bincount(states, weights, minlength=n_states)


def decompose(a: Measure, b: Measure, states: tuple[np.ndarray, np.ndarray], n_states: int) -> Decomposition:
    """Split ``b - a`` into composition, shift and dispersion of states.

    With shares p and q of the states, and distributions A and B within them, composition is ``(q - p) (A + B) / 2``,
    and the rest ``(p + q) / 2 (B - A)``. Of the rest, shift is the effect of translating A to the mean of B, or B to
    the mean of A (half of each); dispersion is what remains when the means agree. A state that one side lacks is all
    composition.

    Parameters
    ----------
    a, b
        Measures of n and m cells.
    states
        Code of the state of each cell of a and of b, shapes ``(n,)`` and ``(m,)``.
    n_states
        Number of states K.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> from scgde.metrics import Measure
    >>> rng = np.random.default_rng(0)
    >>> a, b = (Measure(rng.normal(mean, 1, (50, 2)), np.full(50, 1 / 50)) for mean in (0, 1))
    >>> states = (np.arange(50) % 2, np.arange(50) % 2)
    >>> composition, shift, dispersion = stats.decompose(a, b, states, 2).contributions().sum(axis=1)
    >>> bool(shift > abs(composition))
    True
    """
    a_states, b_states = states
    p, q = state_shares(a.weights, a_states, n_states), state_shares(b.weights, b_states, n_states)
    n = len(a.x), len(b.x)
    both = ((p > 0) & (q > 0))[:, None]
    shift = np.where(both, _means(b, b_states, q) - _means(a, a_states, p), 0)
    points = np.concatenate([a.x, b.x, a.x + shift[a_states], b.x - shift[b_states]])
    within_a, within_b = _within(a, a_states, p), _within(b, b_states, q)
    zero_a, zero_b = np.zeros((n_states, n[0])), np.zeros((n_states, n[1]))
    # (A + B) / 2 of each state; a state of one side only has that side's distribution.
    mean = np.concatenate([within_a, within_b], axis=1) / np.where(both, 2, 1)
    # As q - p sums to 0, the reference does not change the sum of the parts: it gives each of them mass 0.
    reference = np.concatenate([a.weights, b.weights]) / 2
    composition = (q - p)[:, None] * np.concatenate([mean - reference, zero_a, zero_b], axis=1)
    # With A' and B' the translated A and B: B - A = [(A' - A) + (B - B')] / 2 + [(B - A') + (B' - A)] / 2, the first
    # half shift and the second dispersion, each times (p + q) / 2.
    half = np.where(both, (p + q)[:, None] / 4, 0)
    shifted = half * np.concatenate([-within_a, within_b, within_a, -within_b], axis=1)
    dispersion = half * np.concatenate([-within_a, within_b, -within_a, within_b], axis=1)
    difference = np.concatenate([-a.weights, b.weights, np.zeros(sum(n))])
    return Decomposition(points, difference, np.stack([composition, shifted, dispersion]))


def energy_by_feature(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Energy distance of each feature alone, shape ``(G,)``.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> stats.energy_by_feature(np.array([[0.0, 1.0]]), np.array([[3.0, 1.0]]))
    array([6., 0.])
    """
    points = np.concatenate([x, y])
    difference = np.concatenate([np.full(len(x), -1 / len(x)), np.full(len(y), 1 / len(y))])
    return difference @ _potential_by_feature(points, difference)


def _means(measure: Measure, states: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Mean of each state, 0 where it is empty, shape ``(K, G)``."""
    totals = np.zeros((len(shares), measure.x.shape[1]))
    np.add.at(totals, states, measure.weights[:, None] * measure.x)
    return np.divide(totals, shares[:, None], out=totals, where=shares[:, None] > 0)


def _within(measure: Measure, states: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Weights of the cells within each state, of sum 1 unless it is empty, shape ``(K, n)``."""
    in_state = states == np.arange(len(shares))[:, None]
    return np.where(in_state, measure.weights / shares[states], 0)


def _potential(points: np.ndarray, difference: np.ndarray) -> np.ndarray:
    """``-sum_j d_j |x - x_j|`` at each point x, for the difference d, shape ``(N,)``."""
    atoms = np.flatnonzero(difference)
    step = max(1, _VALUES_PER_BLOCK // len(atoms))
    blocks = [points[start : start + step] for start in range(0, len(points), step)]
    return -np.concatenate([cdist(block, points[atoms]) @ difference[atoms] for block in blocks])


def _potential_by_feature(points: np.ndarray, difference: np.ndarray) -> np.ndarray:
    """The same along each feature alone, shape ``(N, G)``, in ``N log N`` steps.

    With sorted values, partial sums ``D_i = sum_(j <= i) d_j`` and ``M_i = sum_(j <= i) d_j x_j``, and total mass 0:
    ``-sum_j d_j |x_i - x_j| = 2 (M_i - x_i D_i) - M_N``.
    """
    order = np.argsort(points, axis=0, kind="stable")
    values, weights = np.take_along_axis(points, order, axis=0), difference[order]
    mass, moment = weights.cumsum(axis=0), (weights * values).cumsum(axis=0)
    potential = np.empty_like(values)
    np.put_along_axis(potential, order, 2 * (moment - values * mass) - moment[-1], axis=0)
    return potential
