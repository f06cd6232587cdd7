from __future__ import annotations

import numpy as np
import pytest

from scgde.predictors import Inputs
from scgde.predictors._kernel_system import KernelSystem, Regression, onto_simplex

E = 3


@pytest.mark.parametrize("linear_weight", [0.0, 2.0])
def test_residuals_left_out_are_those_of_a_fit_without_the_group(linear_weight):
    rng = np.random.default_rng(0)
    source, values, penalty = rng.normal(size=(40, E)), rng.normal(size=(40, 2)), 0.3
    groups = rng.integers(15, size=40)
    system = KernelSystem.of(Inputs(source, np.zeros((40, 0)), np.zeros(40)), 1.0, 0.0, linear_weight)
    (residuals,) = system.left_out(values, groups, [penalty])
    square = ((source[:, None] - source) ** 2).mean(-1)
    kernel = -(np.sqrt(square) + linear_weight * square) / system.unit
    for group in np.unique(groups):
        out, kept = np.flatnonzero(groups == group), np.flatnonzero(groups != group)
        # The equations of a spline: a constant that is not penalised, and slopes that sum to zero.
        one = np.ones((len(kept), 1))
        matrix = np.block([[kernel[np.ix_(kept, kept)] + penalty * np.eye(len(kept)), one], [one.T, np.zeros((1, 1))]])
        slopes = np.linalg.solve(matrix, np.concatenate([values[kept], np.zeros((1, 2))]))
        expected = kernel[np.ix_(out, kept)] @ slopes[:-1] + slopes[-1]
        np.testing.assert_allclose(residuals[out], values[out] - expected, atol=1e-10)


def test_regressions_of_several_values_are_those_of_each():
    rng = np.random.default_rng(0)
    source, groups = rng.normal(size=(40, E)), rng.integers(15, size=40)
    values = [np.tanh(source[:, :2]), rng.normal(size=(40, 3))]
    system = KernelSystem.of(Inputs(source, np.zeros((40, 0)), np.zeros(40)), 1.0, 0.0)
    found = Regression.of_each(system, values, groups)
    assert found[0].penalty < found[1].penalty
    for regression, part in zip(found, values, strict=True):
        alone = Regression.of(system, part, groups)
        assert regression.penalty == alone.penalty
        np.testing.assert_allclose(regression.residuals, alone.residuals, atol=1e-12)


def test_onto_simplex_finds_the_nearest_point():
    values = np.random.default_rng(0).normal(size=(30, 6))
    projected = onto_simplex(values)
    others = np.random.default_rng(1).dirichlet(np.ones(6), size=500)
    np.testing.assert_allclose(projected.sum(axis=1), 1)
    distance = np.linalg.norm(projected - values, axis=1)
    assert (distance <= np.linalg.norm(others[:, None] - values, axis=-1).min(axis=0) + 1e-12).all()
    np.testing.assert_allclose(onto_simplex(others), others)
