from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from scgde.stats._permanova import degrees_of_freedom, inner_products, left_by, partition


def points(n=20, n_dims=3, seed=0):
    return np.random.default_rng(seed).normal(size=(n, n_dims))


def products(x, power=2):
    return inner_products(squareform(pdist(x)), power=power)


def residuals(y, columns):
    columns = np.column_stack([np.ones(len(y)), columns])
    return y - columns @ np.linalg.lstsq(columns, y, rcond=None)[0]


NOTHING = np.empty((20, 0))
IDENTITY = np.empty((0, 20), dtype=int)


def test_partition_of_euclidean_distances_is_multivariate_regression():
    y, design, nuisance = points(), points(seed=1)[:, :2], points(seed=2)
    total = (residuals(y, nuisance) ** 2).sum()
    error = (residuals(y, np.column_stack([nuisance, design])) ** 2).sum()
    result = partition(products(y), design, nuisance, IDENTITY)
    assert result.df == (2, 14)
    assert result.statistic == pytest.approx((total - error) / 2 / (error / 14))
    assert result.r2 == pytest.approx(1 - error / total)
    assert result.adjusted_r2 == pytest.approx(1 - (error / 14) / (total / 16))


def test_partition_of_one_dimension_is_the_f_test():
    from scipy.stats import f_oneway

    y, groups = points(n_dims=1), np.repeat([0, 1, 2, 2], 5)
    expected = f_oneway(*[y[groups == i, 0] for i in range(3)]).statistic
    assert partition(products(y), np.eye(3)[groups], NOTHING, IDENTITY).statistic == pytest.approx(expected)


def test_partition_by_distances_is_multi_sample_energy():
    """Rizzo and Szekely: within n_j / 2 times the mean distance, between pairs of energy distances."""
    y, groups = points(), np.repeat([0, 1, 2], [4, 9, 7])
    square = squareform(pdist(y))
    means = np.array([[square[np.ix_(groups == i, groups == j)].mean() for j in range(3)] for i in range(3)])
    n = np.bincount(groups)
    within = (n * np.diag(means)).sum() / 2
    energy = 2 * means - np.diag(means) - np.diag(means)[:, None]
    between = sum(n[i] * n[j] / 40 * energy[i, j] for i in range(3) for j in range(i))
    result = partition(products(y, power=1), np.eye(3)[groups], NOTHING, IDENTITY)
    assert result.statistic == pytest.approx((between / 2) / (within / 17))


def test_partition_permutes_residuals():
    """Freedman and Lane: fitted values of the nuisance stay, its residuals move."""
    y, design, nuisance = points(), points(seed=1)[:, :1], points(seed=2)[:, :2]
    moved = np.stack([np.random.default_rng(i).permutation(20) for i in range(4)])
    null = partition(products(y), design, nuisance, moved).null
    left = residuals(y, nuisance)
    for way, statistic in zip(moved, null, strict=True):
        back = np.argsort(way)
        assert statistic == pytest.approx(partition(products(y - left + left[back]), design, nuisance, IDENTITY)[0])


def test_partition_does_not_depend_on_units():
    y, design, nuisance = points(), points(seed=1), points(seed=2)[:, :1]
    result = partition(products(1e3 * y), 1e-7 * design + 5, 1e8 * nuisance, IDENTITY)
    assert result.statistic == pytest.approx(partition(products(y), design, nuisance, IDENTITY).statistic, rel=1e-4)


def test_partition_of_perfect_groups_is_infinite():
    groups = np.repeat([0, 1], 10)
    result = partition(products(np.eye(2)[groups]), np.eye(2)[groups], NOTHING, IDENTITY)
    assert result.statistic == np.inf
    assert result.r2 == pytest.approx(1)


def test_partition_refuses_what_cannot_be_tested():
    design = points(seed=1)
    assert degrees_of_freedom(design, design)[0] == 0
    with pytest.raises(ValueError, match=r"20 sets, 0 degrees of what is tested and 4 of what it is adjusted for"):
        partition(products(points()), design[:, :1], design, IDENTITY)
    assert degrees_of_freedom(np.eye(20), NOTHING) == (19, 0)
    with pytest.raises(ValueError, match=r"Use fewer groups, blocks or covariates"):
        partition(products(points()), np.eye(20), NOTHING, IDENTITY)


def test_left_by_gives_products_of_residuals():
    y, nuisance = points(), points(seed=1)
    left = residuals(y, nuisance)
    np.testing.assert_allclose(left_by(nuisance, products(y)), left @ left.T, atol=1e-10)
