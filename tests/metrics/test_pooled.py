from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from scgde.metrics import median_bandwidth
from scgde.metrics._pooled import MAX_POOLED, pool, pool_evenly


def cells(n=40, n_features=5):
    return np.random.default_rng(0).normal(size=(n, n_features))


def test_median_bandwidth_is_the_median_positive_distance():
    x = cells()
    repeated = np.concatenate([x, *[x[:1]] * 60])
    distances = pdist(repeated)
    assert np.median(distances) < median_bandwidth(repeated)
    assert median_bandwidth(repeated) == np.median(distances[distances > 0])
    assert median_bandwidth(x) == np.median(pdist(x))


def test_median_bandwidth_may_count_pairs_of_equal_cells():
    repeated = np.repeat(cells(), 2, axis=0)
    assert median_bandwidth(repeated, count_equal=True) == np.median(pdist(repeated)) < median_bandwidth(repeated)
    assert median_bandwidth(np.repeat(cells(3), 90, axis=0)[:100], count_equal=True) == 1.0


def test_median_bandwidth_scales_with_the_cells():
    assert median_bandwidth(3 * cells(3000)) == pytest.approx(3 * median_bandwidth(cells(3000)))


def test_median_bandwidth_is_one_when_all_cells_agree():
    assert median_bandwidth(np.ones((10, 2))) == 1.0


def test_median_bandwidth_of_many_cells_depends_on_the_seed_only():
    x = cells(3000)
    first, again, other = (median_bandwidth(x, seed=seed) for seed in (0, 0, 1))
    assert first == again != other
    assert first == pytest.approx(other, rel=0.05)


def test_pool_takes_all_cells_up_to_a_limit():
    clouds = [cells(MAX_POOLED - 10), cells(10)]
    np.testing.assert_array_equal(pool(clouds), np.concatenate(clouds))
    assert len(pool([*clouds, cells(1)])) == MAX_POOLED


def test_pool_evenly_takes_as_many_cells_of_a_small_cloud_as_of_a_large_one():
    large, small = np.zeros((5000, 1)), np.ones((1500, 1))
    pooled = pool_evenly([large, small], np.random.default_rng(0))
    assert pooled.shape == (MAX_POOLED, 1)
    assert pooled.mean() == 0.5
