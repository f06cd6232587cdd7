from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist, pdist

from scgde.metrics import mmd


def slow_mmd(x: np.ndarray, y: np.ndarray, width: float, *, unbiased: bool) -> float:
    def gram(a, b):
        return np.exp(-cdist(a, b, "sqeuclidean") / (2 * width**2))

    def within(a):
        k = gram(a, a)
        return k[~np.eye(len(a), dtype=bool)].mean() if unbiased else k.mean()

    return within(x) + within(y) - 2 * gram(x, y).mean()


@pytest.fixture
def clouds() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(20, 3)), rng.normal(1, 2, size=(33, 3))


@pytest.mark.parametrize("unbiased", [False, True])
def test_mmd_agrees_with_definition(clouds, unbiased):
    expected = slow_mmd(*clouds, 1.7, unbiased=unbiased)
    assert mmd(*clouds, bandwidth=1.7, unbiased=unbiased) == pytest.approx(expected)


def test_mmd_takes_the_median_of_pooled_distances(clouds):
    width = np.median(pdist(np.concatenate(clouds)))
    assert mmd(*clouds) == pytest.approx(mmd(*clouds, bandwidth=width))


def test_mmd_has_no_units_when_the_bandwidth_is_the_median(clouds):
    x, y = clouds
    assert mmd(100 * x, 100 * y) == pytest.approx(mmd(x, y))


def test_mmd_of_several_bandwidths_is_their_mean(clouds):
    mixture = mmd(*clouds, bandwidth=[0.5, 1, 4])
    assert mixture == pytest.approx(np.mean([mmd(*clouds, bandwidth=width) for width in (0.5, 1, 4)]))


def test_mmd_of_distant_clouds_is_bounded_by_two():
    assert mmd([[0.0]], [[1e6]], bandwidth=1) == pytest.approx(2)


def test_mmd_is_repeatable_for_many_cells():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(1500, 2)), rng.normal(1, 1, size=(1500, 2))
    assert mmd(x, y) == mmd(x, y)
    assert mmd(x, y) == pytest.approx(mmd(x, y, bandwidth=np.median(pdist(np.concatenate([x, y])))), rel=0.05)


@pytest.mark.parametrize("bandwidth", [0, -1.0, [1.0, np.nan], []])
def test_mmd_refuses_bandwidth_that_is_not_positive(clouds, bandwidth):
    with pytest.raises(ValueError, match="`bandwidth` must be positive"):
        mmd(*clouds, bandwidth=bandwidth)
