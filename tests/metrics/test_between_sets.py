from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from scgde.metrics import _between_sets
from scgde.metrics._between_sets import between_sets


def distance_of_means(x, y):
    return float(np.linalg.norm(x.mean(axis=0) - y.mean(axis=0)))


@pytest.fixture
def clouds():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(n, 3)) for n in (4, 1, 7, 2, 9, 5, 3)]


@pytest.mark.parametrize("block", [1, 3, 7, 100])
def test_between_sets_measures_all_pairs_whatever_the_block(clouds, monkeypatch, block):
    monkeypatch.setattr(_between_sets, "BLOCK", block)
    expected = squareform(pdist(np.stack([cloud.mean(axis=0) for cloud in clouds])))
    np.testing.assert_allclose(between_sets(clouds, distance_of_means), expected, rtol=1e-12)


def test_between_sets_measures_each_pair_once(clouds):
    seen = []
    between_sets(clouds, lambda x, y: seen.append((len(x), len(y))) or 1.0)
    assert len(set(seen)) == len(seen) == 21
