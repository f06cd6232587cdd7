from __future__ import annotations

import numpy as np
import ot
import pytest
from scipy.spatial.distance import cdist

from scgde.metrics import sinkhorn_divergence, wasserstein


def pot_entropic_cost(x, y, a, b, strength):
    """Primal value of POT's plan: transport cost plus strength times its KL to the product."""
    cost = cdist(x, y, "sqeuclidean")
    plan = ot.bregman.sinkhorn_log(a, b, cost, strength, numItermax=5000, stopThr=1e-6)
    return (plan * cost).sum() + strength * (plan * np.log(plan / np.outer(a, b))).sum()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("strength", [1.0, 10.0])
def test_sinkhorn_agrees_with_pot(strength, weighted):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 2)), rng.normal(1, 2, size=(41, 2))
    a = rng.dirichlet(np.ones(30)) if weighted else np.full(30, 1 / 30)
    b = rng.dirichlet(np.ones(41)) if weighted else np.full(41, 1 / 41)
    own = pot_entropic_cost(x, x, a, a, strength) + pot_entropic_cost(y, y, b, b, strength)
    expected = pot_entropic_cost(x, y, a, b, strength) - own / 2
    ours = sinkhorn_divergence(x, y, regularization=strength, x_weights=a, y_weights=b)
    assert ours == pytest.approx(expected, rel=1e-4)


def test_sinkhorn_lies_between_its_limits():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(30, 2)), rng.normal(1, 2, size=(30, 2))
    assert sinkhorn_divergence(x, y, regularization=0.05) == pytest.approx(wasserstein(x, y) ** 2, rel=0.03)
    shift = x.mean(0) - y.mean(0)
    assert sinkhorn_divergence(x, y, regularization=1e5) == pytest.approx(shift @ shift, rel=1e-3)


def test_sinkhorn_is_in_squared_units_by_default():
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(30, 2)), rng.normal(1, 2, size=(30, 2))
    assert sinkhorn_divergence(10 * x, 10 * y) == pytest.approx(100 * sinkhorn_divergence(x, y), rel=1e-4)


def test_sinkhorn_of_distant_clouds_does_not_underflow():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(20, 2))
    assert sinkhorn_divergence(x, x + 1e3, regularization=0.5) == pytest.approx(2e6, rel=1e-6)


def test_sinkhorn_warns_when_iterations_run_out():
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(20, 2)), rng.normal(1, 2, size=(20, 2))
    with pytest.warns(UserWarning, match="must settle") as record:
        sinkhorn_divergence(x, y, regularization=0.01, max_iterations=2)
    assert record[0].filename == __file__


@pytest.mark.parametrize("strength", [0, -1.0, np.inf])
def test_sinkhorn_refuses_regularization(strength):
    with pytest.raises(ValueError, match="`regularization` must be positive"):
        sinkhorn_divergence([[0.0]], [[1.0]], regularization=strength)
