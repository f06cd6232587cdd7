from __future__ import annotations

import numpy as np
import ot
import pytest
from scipy.linalg import sqrtm

from scgde.metrics import gaussian_wasserstein
from scgde.metrics._gaussian import gaussian_fit_wasserstein


def random_gaussian(rng: np.random.Generator, n_features: int) -> tuple[np.ndarray, np.ndarray]:
    factor = rng.normal(size=(n_features, n_features))
    return rng.normal(size=n_features), factor @ factor.T


def test_gaussian_agrees_with_pot():
    rng = np.random.default_rng(0)
    (m, a), (k, b) = random_gaussian(rng, 4), random_gaussian(rng, 4)
    assert gaussian_wasserstein(m, a, k, b) == pytest.approx(ot.gaussian.bures_wasserstein_distance(m, k, a, b))


def test_gaussian_agrees_with_matrix_root_formula():
    rng = np.random.default_rng(1)
    (m, a), (k, b) = random_gaussian(rng, 6), random_gaussian(rng, 6)
    root = sqrtm(a)
    expected = ((m - k) ** 2).sum() + np.trace(a + b - 2 * np.real(sqrtm(root @ b @ root)))
    assert gaussian_wasserstein(m, a, k, b) ** 2 == pytest.approx(expected)


def test_gaussian_on_a_line():
    assert gaussian_wasserstein([1.0], [[4.0]], [4.0], [[36.0]]) == pytest.approx(5)  # 3 and 6 - 2


def test_gaussian_is_batched_and_broadcasts():
    rng = np.random.default_rng(2)
    means, covs = map(np.stack, zip(*[random_gaussian(rng, 3) for _ in range(5)], strict=True))
    table = gaussian_wasserstein(means[:, None], covs[:, None], means, covs)
    assert table.shape == (5, 5)
    assert table[1, 3] == pytest.approx(gaussian_wasserstein(means[1], covs[1], means[3], covs[3]))
    assert np.diag(table) == pytest.approx(np.zeros(5), abs=1e-12)


def test_gaussian_is_accurate_for_singular_covariances():
    rng = np.random.default_rng(3)
    thin = rng.normal(size=(6, 2))
    cov = thin @ thin.T
    zero = np.zeros(6)
    assert gaussian_wasserstein(zero, cov, zero, cov) == pytest.approx(0, abs=1e-12)
    assert gaussian_wasserstein(zero, cov, zero, np.zeros((6, 6))) == pytest.approx(np.sqrt(np.trace(cov)))
    assert gaussian_wasserstein(zero, cov, zero, 4 * cov) == pytest.approx(np.sqrt(np.trace(cov)))


@pytest.mark.parametrize("bad", [np.diag([1.0, -1.0]), np.array([[1.0, 0.5], [0.0, 1.0]])])
def test_gaussian_refuses_what_is_no_covariance(bad):
    with pytest.raises(ValueError, match="`cov_y` must be symmetric and positive semi-definite"):
        gaussian_wasserstein([0.0, 0.0], np.eye(2), [0.0, 0.0], bad)


def test_gaussian_refuses_shapes_and_nan():
    with pytest.raises(ValueError, match=r"`cov_x` must be finite, of shape \(..., 2, 2\), got shape \(3, 3\)"):
        gaussian_wasserstein([0.0, 0.0], np.eye(3), [0.0, 0.0], np.eye(2))
    with pytest.raises(ValueError, match="`mean_y` must be finite"):
        gaussian_wasserstein([0.0, 0.0], np.eye(2), [0.0, np.nan], np.eye(2))


def test_gaussian_fit_is_that_of_the_moments():
    rng = np.random.default_rng(0)
    x, y, point = (rng.normal(size=(n, 3)) for n in (4, 9, 1))
    expected = gaussian_wasserstein(x.mean(0), np.cov(x.T), y.mean(0), np.cov(y.T))
    assert gaussian_fit_wasserstein(x, y) == pytest.approx(expected)
    to_a_point = np.sqrt(np.square(x.mean(0) - point[0]).sum() + np.trace(np.cov(x.T)))
    assert gaussian_fit_wasserstein(x, point) == pytest.approx(to_a_point)
