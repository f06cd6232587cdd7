from __future__ import annotations

import numpy as np
import pytest

from scgde.stats._rank_one import downdated


def direct(values, vector):
    """Eigenvalues in descending order, and eigenvectors as rows."""
    found, vectors = np.linalg.eigh(np.diag(values) - np.outer(vector, vector))
    return found[::-1], vectors[:, ::-1].T


def some_scatter(n_dims, *, n_points=30, decay=0.2, seed=0):
    """Variances along the axes of points, and the points along them: taking one away leaves no negative variance."""
    points = np.random.default_rng(seed).normal(size=(n_points, n_dims)) * np.exp(-decay * np.arange(n_dims))
    values, axes = np.linalg.eigh(points.T @ points)
    return values[::-1].clip(0), points @ axes[:, ::-1]


@pytest.mark.parametrize(("n_dims", "decay"), [(1, 0.2), (2, 0.2), (10, 0.0), (10, 3.0), (60, 0.1)])
def test_downdated_is_the_decomposition_of_the_difference(n_dims, decay):
    values, vectors = some_scatter(n_dims, decay=decay)
    for rank in range(min(n_dims, 5)):
        found = downdated(values, vectors, np.full(len(vectors), rank))
        for one, value, axis in zip(vectors, *found, strict=True):
            expected, axes = direct(values, one)
            assert value == pytest.approx(expected[rank], abs=1e-12 * values[0])
            gap = np.abs(np.delete(expected, rank) - expected[rank]).min(initial=values[0])
            assert abs(axes[rank] @ axis) == pytest.approx(1, abs=1e-12 * values[0] / gap)


def test_downdated_takes_a_rank_for_each_vector():
    values, vectors = some_scatter(6)
    rank = np.arange(len(vectors)) % 6
    expected = [direct(values, one)[0][i] for one, i in zip(vectors, rank, strict=True)]
    np.testing.assert_allclose(downdated(values, vectors, rank).values, expected, atol=1e-12 * values[0])


def test_downdated_of_a_vector_along_an_axis_lowers_that_axis_only():
    found = downdated(np.array([9.0, 4.0, 1.0]), np.tile([0.0, 1.0, 0.0], (3, 1)), np.arange(3))
    np.testing.assert_allclose(found.values, [9, 3, 1], atol=1e-12)
    np.testing.assert_allclose(np.abs(found.vectors), np.eye(3), atol=1e-6)


def test_downdated_takes_tied_eigenvalues():
    vector = np.array([[0.6, 0.0, 0.8, 0.5]])
    values = np.array([4.0, 4.0, 4.0, 1.0])
    found = [downdated(values, vector, np.array([rank])) for rank in range(4)]
    np.testing.assert_allclose(np.concatenate([one.values for one in found]), direct(values, vector[0])[0], atol=1e-12)
