from __future__ import annotations

import numpy as np
import pytest

from scgde.data import SetIndex, open_store
from scgde.model import _scaling
from scgde.model._scaling import fit_scaling


@pytest.fixture
def x():
    return np.random.default_rng(0).normal([1, -2, 3], [0.5, 2, 0], size=(60, 3)).astype(np.float32)


@pytest.fixture
def index():
    return SetIndex.from_codes(np.repeat([0, 1, 2, -1], 15), 3)


def test_feature_scaling_gives_each_feature_unit_variance(x, index):
    center, scale = fit_scaling(open_store(x), index, np.array([0, 1]), method="feature")
    scaled = (x[:30] - center) / scale
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(scaled.std(axis=0)[:2], 1, rtol=1e-5)


def test_common_scaling_keeps_proportions(x, index):
    center, scale = fit_scaling(open_store(x), index, np.array([0, 1]), method="common")
    assert np.ptp(scale) == 0
    np.testing.assert_allclose(((x[:30] - center) / scale).var(axis=0).mean(), 1, rtol=1e-5)


def test_no_scaling_leaves_features(x, index):
    center, scale = fit_scaling(open_store(x), index, np.array([0]), method="none")
    assert center.tolist() == [0, 0, 0]
    assert scale.tolist() == [1, 1, 1]


@pytest.mark.parametrize("method", ["feature", "common"])
def test_scaling_of_constant_features_is_one(index, method):
    scaling = fit_scaling(open_store(np.full((60, 2), 4.0)), index, np.array([0, 2]), method=method)
    assert scaling.center.tolist() == [4, 4]
    assert scaling.scale.tolist() == [1, 1]


def test_scaling_sees_the_cells_of_the_given_sets_only(x, index):
    changed = x.copy()
    changed[30:] = np.nan
    sets = np.array([0, 1])
    for one, other in zip(
        fit_scaling(open_store(x), index, sets, method="feature"),
        fit_scaling(open_store(changed), index, sets, method="feature"),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def test_scaling_in_blocks_equals_that_in_one_go(x, index, monkeypatch):
    sets = np.array([0, 1, 2])
    at_once = fit_scaling(open_store(x), index, sets, method="feature")
    monkeypatch.setattr(_scaling, "_VALUES_PER_READ", 3 * 7)
    in_blocks = fit_scaling(open_store(x), index, sets, method="feature")
    np.testing.assert_allclose(at_once, in_blocks, rtol=1e-6)
