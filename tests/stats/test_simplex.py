from __future__ import annotations

import numpy as np
import pytest

from scgde.stats import best_shares, loss_of_shares


def terms(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean distances of n clouds to a target, and between them."""
    rng = np.random.default_rng(seed)
    clouds, target = rng.normal(rng.normal(size=(n, 1, 2)), 1, size=(n, 30, 2)), rng.normal(size=(30, 2))

    def mean(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.linalg.norm(a[:, None] - b[None], axis=-1).mean())

    between = np.array([[mean(a, b) for b in clouds] for a in clouds])
    return np.array([mean(cloud, target) for cloud in clouds]), between


@pytest.mark.parametrize("seed", range(5))
def test_best_shares_are_the_lowest_of_a_grid(seed):
    linear, quadratic = terms(3, seed)
    shares = best_shares(linear, quadratic)
    assert shares.min() >= 0
    assert shares.sum() == pytest.approx(1)
    grid = np.array([(a, b, 1 - a - b) for a in np.linspace(0, 1, 41) for b in np.linspace(0, 1 - a, 41)])
    lowest = min(loss_of_shares(point, linear, quadratic) for point in grid)
    assert loss_of_shares(shares, linear, quadratic) <= lowest + 1e-9


def test_best_shares_of_two_parts_are_in_closed_form():
    # A target half-way between two points: 2 b.w - w'Cw with b = (1, 1) and C = [[0, 2], [2, 0]].
    np.testing.assert_allclose(best_shares(np.ones(2), np.array([[0.0, 2.0], [2.0, 0.0]])), [0.5, 0.5])
    # A target three times as far from one as from the other.
    np.testing.assert_allclose(best_shares(np.array([0.5, 1.5]), np.array([[0.0, 2.0], [2.0, 0.0]])), [0.75, 0.25])
    # One that is beyond the first point.
    np.testing.assert_allclose(best_shares(np.array([1.0, 3.0]), np.array([[0.0, 2.0], [2.0, 0.0]])), [1, 0])


def test_best_shares_give_all_to_the_part_that_is_the_target():
    _, quadratic = terms(4, 0)
    for part in range(4):
        np.testing.assert_allclose(best_shares(quadratic[part], quadratic), np.eye(4)[part], atol=1e-9)


def test_best_shares_take_the_first_of_equal_parts():
    np.testing.assert_allclose(best_shares(np.ones(3), np.ones((3, 3))), [1, 0, 0])


@pytest.mark.parametrize("seed", range(10))
def test_best_shares_are_never_above_a_part_also_where_noise_is_not_convex(seed):
    rng = np.random.default_rng(seed)
    linear, quadratic = rng.normal(size=4), rng.normal(size=(4, 4))
    quadratic += quadratic.T
    shares = best_shares(linear, quadratic)
    alone = [loss_of_shares(part, linear, quadratic) for part in np.eye(4)]
    assert loss_of_shares(shares, linear, quadratic) <= min(alone) + 1e-12
