from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from scgde import metrics

TWO_CLOUDS = [
    metrics.energy_distance,
    metrics.mmd,
    metrics.sinkhorn_divergence,
    metrics.sliced_wasserstein,
    metrics.wasserstein,
]


@pytest.fixture
def clouds() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(30, 3)), rng.normal(1, 2, size=(41, 3))


@pytest.mark.parametrize("metric", TWO_CLOUDS)
class TestEveryMetric:
    def test_zero_for_a_permuted_copy(self, metric, clouds):
        x, _ = clouds
        assert metric(x, x[::-1]) == pytest.approx(0, abs=1e-12)

    def test_symmetric_and_positive(self, metric, clouds):
        x, y = clouds
        assert metric(x, y) == pytest.approx(metric(y, x), rel=1e-5)
        assert metric(x, y) > 0.01

    def test_returns_a_float_for_single_precision_and_counts(self, metric, clouds):
        x, y = clouds
        assert type(metric(x.astype(np.float32), y)) is float
        assert type(metric(np.array([[1, 2], [3, 4]]), np.array([[1, 5]]))) is float

    def test_invariant_to_a_common_shift(self, metric, clouds):
        x, y = clouds
        assert metric(x + 5, y + 5) == pytest.approx(metric(x, y), rel=1e-6)

    def test_weight_equals_duplication(self, metric, clouds):
        x, y = clouds
        counts = np.arange(len(x)) % 4  # some cells of weight zero
        options = {"bandwidth": 2.0} if metric is metrics.mmd else {}
        options |= {"regularization": 1.0} if metric is metrics.sinkhorn_divergence else {}
        duplicated = metric(np.repeat(x, counts, axis=0), y, **options)
        assert metric(x, y, x_weights=counts, **options) == pytest.approx(duplicated, rel=1e-6)
        assert metric(y, x, y_weights=counts / 7, **options) == pytest.approx(duplicated, rel=1e-6)

    def test_single_cells(self, metric):
        assert metric([[1.0, 2.0]], [[1.0, 2.0]]) == 0
        assert metric([[1.0, 2.0]], [[3.0, 4.0]]) > 0

    def test_refuses_other_features(self, metric, clouds):
        with pytest.raises(ValueError, match="same features, got 3 and 2 columns"):
            metric(clouds[0], clouds[1][:, :2])

    @pytest.mark.parametrize(
        "bad",
        [np.empty((0, 3)), np.zeros(3), np.array([["a", "b", "c"]]), sparse.eye(3)],
        ids=lambda bad: str(type(bad)),
    )
    def test_refuses_what_is_no_matrix_of_cells(self, metric, clouds, bad):
        with pytest.raises(ValueError, match="`y` must be a dense numeric array"):
            metric(clouds[0], bad)

    def test_refuses_nan_and_says_how_many(self, metric, clouds):
        x, y = clouds
        y[3, 1], y[7, 0] = np.nan, np.inf
        with pytest.raises(ValueError, match="`y` must be finite, got NaN or inf in 2 of 41 cells"):
            metric(x, y)

    @pytest.mark.parametrize("weights", [np.zeros(30), np.full(30, -1.0), np.full(30, np.nan)])
    def test_refuses_weights_without_mass(self, metric, clouds, weights):
        with pytest.raises(ValueError, match="`x_weights` must be finite, non-negative"):
            metric(*clouds, x_weights=weights)

    def test_refuses_weights_of_another_length(self, metric, clouds):
        with pytest.raises(ValueError, match=r"one weight per cell, shape \(41,\), got shape \(40,\)"):
            metric(*clouds, y_weights=np.ones(40))


def test_distances_between_shifted_copies_are_the_shift(clouds):
    x, _ = clouds
    shift = np.array([1.0, -2.0, 2.0])
    assert metrics.wasserstein(x, x + shift) == pytest.approx(3)
    assert metrics.wasserstein(x, x + shift, p=1) == pytest.approx(3)
    assert metrics.sinkhorn_divergence(x, x + shift) == pytest.approx(9, rel=1e-5)
    assert metrics.sliced_wasserstein(x, x + shift, n_projections=5000) == pytest.approx(3 / np.sqrt(3), rel=0.03)
