from __future__ import annotations

import numpy as np
import pytest

from scgde.stats._axes_without import AxesWithout

NOISE = np.diag([0.03, 0.02, 0.05, 0.01])


def leading_by_decomposition(points, left_out, k):
    """Projection on the k leading axes of the points but one, and the cumulative share of variance."""
    rest = np.delete(points, left_out, axis=0)
    variance, axes = np.linalg.eigh((rest - rest.mean(0)).T @ (rest - rest.mean(0)) + NOISE)
    axes = axes[:, ::-1][:, :k]
    return axes @ axes.T, variance[::-1].cumsum() / variance.sum()


@pytest.mark.parametrize("n_points", [2, 3, 8, 40])
@pytest.mark.parametrize("k", [1, 3])
def test_leading_axes_are_those_of_a_decomposition_without_the_point(n_points, k):
    points = np.random.default_rng(n_points).normal(size=(n_points, 4)) * [3, 2, 1, 0.5]
    without = AxesWithout.of(points, NOISE)
    axes = without.leading(without.downdates(points), np.full(n_points, k)).axes
    assert axes.shape == (n_points, 4, k)
    for i, found in enumerate(axes):
        np.testing.assert_allclose(found @ found.T, leading_by_decomposition(points, i, k)[0], atol=1e-8)


@pytest.mark.parametrize("share", [0.5, 0.9, 0.95, 1.1])
def test_n_enough_counts_axes_up_to_the_share_and_up_to_the_most(share):
    points = np.random.default_rng(0).normal(size=(20, 4)) * [3, 2, 1, 0.5]
    without, most = AxesWithout.of(points, NOISE), np.arange(20) % 4 + 1
    expected = [1 + (leading_by_decomposition(points, i, 1)[1] < share).sum() for i in range(20)]
    found = without.leading(without.downdates(points), most).n_enough(share)
    np.testing.assert_array_equal(np.minimum(found, most), np.minimum(expected, most))


def test_a_single_point_left_out_leaves_the_noise():
    point = np.array([[1.0, 2, 3, 4]])
    without = AxesWithout.of(point, NOISE)
    axes = without.leading(without.downdates(point), np.ones(1, dtype=int)).axes[0]
    np.testing.assert_allclose(np.abs(axes[:, 0]), [0, 0, 1, 0], atol=1e-6)
