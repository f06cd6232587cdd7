from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from scipy.stats import wasserstein_distance

from scgde.metrics import wasserstein


@pytest.mark.parametrize("p", [1, 2, 3])
def test_wasserstein_is_the_best_assignment_for_equal_sizes(p):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 3)), rng.normal(1, 2, size=(40, 3))
    cost = cdist(x, y) ** p
    expected = cost[linear_sum_assignment(cost)].mean() ** (1 / p)
    assert wasserstein(x, y, p=p) == pytest.approx(expected)


def test_wasserstein_1_agrees_with_scipy_on_a_line():
    rng = np.random.default_rng(1)
    x, y, a, b = rng.normal(size=50), rng.normal(1, 2, size=70), rng.random(50), rng.random(70)
    ours = wasserstein(x[:, None], y[:, None], p=1, x_weights=a, y_weights=b)
    assert ours == pytest.approx(wasserstein_distance(x, y, a, b))


@pytest.mark.parametrize("p", [0.5, 0, np.inf, np.nan])
def test_wasserstein_refuses_power(p):
    with pytest.raises(ValueError, match="`p` must be at least 1"):
        wasserstein([[0.0]], [[1.0]], p=p)
