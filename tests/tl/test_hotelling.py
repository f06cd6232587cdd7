from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from scgde.tl._hotelling import hotelling


def gaussian_pairs(n_pairs, sizes, k, *, rng, scale=1.0):
    """Pairs of sets of one mean and two covariances: difference of the means, estimated covariances, sizes."""
    means, covariances = [], []
    for size, factor in zip(sizes, (np.eye(k), scale * rng.normal(size=(k, k)) + np.eye(k)), strict=True):
        x = rng.standard_normal((n_pairs, size, k)) @ factor
        centred = x - x.mean(axis=1, keepdims=True)
        means.append(x.mean(axis=1))
        covariances.append(np.einsum("pni,pnj->pij", centred, centred) / (size - 1) / size)
    return means[0] - means[1], np.stack(covariances), np.broadcast_to(np.array(sizes)[:, None], (2, n_pairs))


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_hotelling_in_one_dimension_is_the_test_of_welch(rng):
    a, b = rng.normal(size=12), 3 * rng.normal(size=30)
    covariance = np.array([a.var(ddof=1) / 12, b.var(ddof=1) / 30]).reshape(2, 1, 1)
    result = hotelling(np.array([a.mean() - b.mean()]), covariance, np.array([12, 30]))
    expected = stats.ttest_ind(a, b, equal_var=False)
    np.testing.assert_allclose(result.statistic, expected.statistic**2)
    np.testing.assert_allclose(result.df, expected.df)
    np.testing.assert_allclose(result.p_value, expected.pvalue)


def test_hotelling_with_equal_covariances_has_the_pooled_degrees_of_freedom():
    k, n = 3, 20
    result = hotelling(np.ones(k), np.stack([np.eye(k)] * 2), np.array([n, n]))
    assert result.df == pytest.approx(2 * (n - 1) - k + 1)


def test_hotelling_does_not_depend_on_the_basis(rng):
    difference, covariance, sizes = gaussian_pairs(5, (15, 40), 3, rng=rng)
    turn = rng.normal(size=(3, 3))
    turned = hotelling(difference @ turn, turn.T @ covariance @ turn, sizes)
    for value, expected in zip(turned, hotelling(difference, covariance, sizes), strict=True):
        np.testing.assert_allclose(value, expected)


def test_hotelling_does_not_depend_on_the_order_of_the_two(rng):
    difference, covariance, sizes = gaussian_pairs(5, (15, 40), 3, rng=rng)
    for value, expected in zip(
        hotelling(-difference, covariance[::-1], sizes[::-1]), hotelling(difference, covariance, sizes), strict=True
    ):
        np.testing.assert_allclose(value, expected)


@pytest.mark.parametrize(("sizes", "k"), [((30, 30), 3), ((30, 300), 3), ((12, 60), 1), ((100, 100), 10)])
def test_hotelling_keeps_its_level_under_unequal_covariances(rng, sizes, k):
    p_value = hotelling(*gaussian_pairs(4000, sizes, k, rng=rng)).p_value
    assert np.mean(p_value < 0.05) == pytest.approx(0.05, abs=0.012)
    assert stats.kstest(p_value, "uniform").pvalue > 1e-3


def test_hotelling_needs_its_degrees_of_freedom(rng):
    difference, covariance, sizes = gaussian_pairs(2000, (12, 12), 3, rng=rng)
    result = hotelling(difference, covariance, sizes)
    assert np.mean(stats.chi2.sf(result.statistic, 3) < 0.05) > 0.09
    assert np.mean(result.p_value < 0.05) < 0.065


def test_hotelling_is_nan_where_a_covariance_is(rng):
    difference, covariance, sizes = gaussian_pairs(3, (15, 40), 2, rng=rng)
    covariance[1, 1] = np.nan
    result = hotelling(difference, covariance, sizes)
    assert [np.isnan(value).tolist() for value in result] == [[False, True, False]] * 3
