from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from scgde.stats._hotelling import hotelling, separate_df


def gaussian_pairs(n_pairs, sizes, k, *, rng, scale=0.0):
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


def test_hotelling_in_one_dimension_is_the_test_of_student(rng):
    a, b = rng.normal(size=12), rng.normal(size=30)
    covariance = np.array([a.var(ddof=1) / 12, b.var(ddof=1) / 30]).reshape(2, 1, 1)
    result = hotelling(np.array([a.mean() - b.mean()]), covariance, np.array([12, 30]))
    expected = stats.ttest_ind(a, b)
    np.testing.assert_allclose(result, [expected.statistic**2, expected.df, expected.pvalue])


def test_hotelling_does_not_depend_on_the_basis(rng):
    difference, covariance, sizes = gaussian_pairs(5, (15, 40), 3, rng=rng)
    turn = rng.normal(size=(3, 3))
    turned = hotelling(difference @ turn, turn.T @ covariance @ turn, sizes)
    for value, expected in zip(turned, hotelling(difference, covariance, sizes), strict=True):
        np.testing.assert_allclose(value, expected)


def test_hotelling_does_not_depend_on_the_order_of_the_two(rng):
    difference, covariance, sizes = gaussian_pairs(5, (15, 40), 3, rng=rng)
    swapped = hotelling(-difference, covariance[::-1], sizes[::-1])
    for value, expected in zip(swapped, hotelling(difference, covariance, sizes), strict=True):
        np.testing.assert_allclose(value, expected)


@pytest.mark.parametrize(("sizes", "k"), [((30, 30), 3), ((10, 300), 3), ((2, 60), 1), ((100, 100), 10)])
def test_hotelling_is_exact_for_gaussians(rng, sizes, k):
    p_value = hotelling(*gaussian_pairs(3000, sizes, k, rng=rng)).p_value
    assert np.mean(p_value < 0.05) == pytest.approx(0.05, abs=0.012)
    assert stats.kstest(p_value, "uniform").pvalue > 1e-3


def test_hotelling_is_nan_where_a_covariance_is(rng):
    difference, covariance, sizes = gaussian_pairs(3, (15, 40), 2, rng=rng)
    covariance[1, 1] = np.nan
    result = hotelling(difference, covariance, sizes)
    assert [np.isnan(value).tolist() for value in result] == [[False, True, False]] * 3


def test_separate_df_in_one_dimension_are_those_of_welch(rng):
    a, b = rng.normal(size=12), 3 * rng.normal(size=30)
    covariance = np.array([a.var(ddof=1) / 12, b.var(ddof=1) / 30]).reshape(2, 1, 1)
    expected = stats.ttest_ind(a, b, equal_var=False).df
    assert separate_df(covariance, np.array([12, 30])) == pytest.approx(expected)


def test_separate_df_of_equal_covariances_are_the_pooled_ones():
    assert separate_df(np.stack([np.eye(3)] * 2), np.array([20, 20])) == pytest.approx(38)


def test_separate_df_do_not_depend_on_the_basis(rng):
    _, covariance, _ = gaussian_pairs(1, (15, 40), 3, rng=rng, scale=1.0)
    turn = rng.normal(size=(3, 3))
    turned = separate_df(turn.T @ covariance[:, 0] @ turn, np.array([15, 40]))
    assert turned == pytest.approx(separate_df(covariance[:, 0], np.array([15, 40])))


@pytest.mark.parametrize(("sizes", "k"), [((30, 30), 3), ((20, 200), 3), ((12, 60), 1)])
def test_separate_df_give_regions_that_cover_under_unequal_covariances(rng, sizes, k):
    difference, covariance, _ = gaussian_pairs(1500, sizes, k, rng=rng, scale=1.0)
    nu = np.array([separate_df(covariance[:, i], np.array(sizes)) for i in range(len(difference))])
    squared = np.einsum("ni,ni->n", difference, np.linalg.solve(covariance.sum(0), difference[..., None])[..., 0])
    f = squared * (nu - k + 1) / (nu * k)
    assert np.mean(f < stats.f.ppf(0.95, k, nu - k + 1)) == pytest.approx(0.95, abs=0.018)
