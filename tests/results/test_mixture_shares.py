from __future__ import annotations

import numpy as np

from scgde.metrics._mixture_terms import MixtureTerms
from scgde.results._mixture_shares import balanced_mixture, best_mixture, cautious_mixture


def test_shares_stay_with_the_default_as_far_as_pairs_do_not_tell():
    rng = np.random.default_rng(0)
    between = np.array([[1.0, 1.4], [1.4, 1.0]])

    def share(n: int) -> float:
        """Of the first part, which is the better one of two by a third of the noise of a pair."""
        terms = [MixtureTerms(np.array([1.0, 1.1]) + rng.normal(0, 0.3, 2), between, 1.0) for _ in range(n)]
        return cautious_mixture(terms, 1, np.arange(n))[0]

    assert np.mean([share(5) for _ in range(30)]) < np.mean([share(60) for _ in range(3)])
    sure = [MixtureTerms(np.array([1.0, 1.1]), between, 1.0)] * 5
    np.testing.assert_allclose(cautious_mixture(sure, 1, np.arange(5)), best_mixture(sure))
    assert cautious_mixture(sure, 1, np.zeros(5)).tolist() == [0, 1]


def test_a_part_that_is_best_for_one_group_alone_does_not_count():
    # Far better in one group, and somewhat worse in the others: best on average, but not for a group left out.
    gains, between = np.array([4.0, *[-0.2] * 5]), np.ones((2, 2))
    terms = [MixtureTerms(np.array([1.0 - gain, 1.0]), between, 1.0) for gain in gains]
    assert best_mixture(terms).tolist() == [1, 0]
    assert cautious_mixture(terms, 1, np.arange(6)).tolist() == [0, 1]


def test_shares_are_between_those_that_are_best_for_cells_and_for_the_distribution():
    first, second = (MixtureTerms(np.array(to_target), np.ones((2, 2)), 1.0) for to_target in ([1.0, 2.0], [2.0, 1.0]))
    np.testing.assert_allclose(balanced_mixture([first], [second]), [0.25, 0.75])
    np.testing.assert_allclose(balanced_mixture([first], [first]), best_mixture([first]))
