from __future__ import annotations

import numpy as np
import pytest

from scgde.stats._mahalanobis import mahalanobis, noise_corrected, standard_errors


def draws(sizes, *, mean, n_dims=8, seed=0):
    """Means of so many skewed cells each, and the covariance of each mean."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(n_dims, n_dims))
    cells = [center + (rng.gamma(2, size=(m, n_dims)) - 2) @ mixing for m, center in zip(sizes, mean, strict=True)]
    covariance = np.stack([np.cov(part, rowvar=False) / len(part) for part in cells])
    return np.stack([part.mean(axis=0) for part in cells]), covariance


@pytest.mark.parametrize("sizes", [np.full(2000, 40), np.tile([20, 100], 1000)], ids=["equal", "uneven"])
def test_standard_errors_are_the_spread_of_distances_over_draws(sizes):
    mean = np.zeros((2000, 8))
    mean[1::2, 0] = 20
    embedding, covariance = draws(sizes, mean=mean)
    pairs = np.arange(2000).reshape(-1, 2)
    spread = np.linalg.norm(np.subtract(*embedding[pairs.T]), axis=1).std()
    errors = [standard_errors(embedding[pair], covariance[pair])[0, 1] for pair in pairs]
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(spread, rel=0.08)


def test_standard_errors_are_finite_for_equal_embeddings():
    covariance = np.stack([np.eye(3), 3 * np.eye(3)])
    np.testing.assert_allclose(standard_errors(np.zeros((2, 3)), covariance), [[0, 2], [2, 0]])


@pytest.mark.parametrize(
    "sizes", [np.full(150, 6), np.full(150, 30), np.tile([10, 300], 75)], ids=["6", "30", "uneven"]
)
def test_mahalanobis_between_draws_of_one_population_is_about_the_root_of_the_dimensions(sizes):
    embedding, covariance = draws(sizes, mean=np.zeros((150, 8)))
    squared = mahalanobis(embedding, covariance, sizes)[np.triu_indices(150, k=1)] ** 2
    assert squared.mean() == pytest.approx(8, rel=0.25)


def test_mahalanobis_of_many_cells_is_that_of_their_own_covariances():
    embedding, covariance = draws(np.full(4, 20_000), mean=np.arange(32.0).reshape(4, 8))
    square = mahalanobis(embedding, covariance, np.full(4, 20_000))
    difference = embedding[0] - embedding[3]
    expected = difference @ np.linalg.inv(covariance[0] + covariance[3]) @ difference
    assert square[0, 3] == pytest.approx(np.sqrt(expected), rel=0.01)


def test_mahalanobis_is_missing_for_a_set_of_one_cell():
    embedding, covariance = draws(np.full(4, 20), mean=np.zeros((4, 8)))
    covariance[1] = np.nan
    square = mahalanobis(embedding, covariance, np.array([20, 1, 20, 20]))
    assert np.isnan(square[1, [0, 2, 3]]).all()
    assert np.isfinite(np.delete(np.delete(square, 1, axis=0), 1, axis=1)).all()


@pytest.mark.parametrize("whiten", [True, False])
def test_corrected_squares_are_those_of_populations_on_average(whiten):
    sizes, mean = np.tile([5, 20], 1000), np.zeros((2000, 8))
    mean[1::2, 0] = 15  # so far that the floor at zero is not met
    embedding, covariance = draws(sizes, mean=mean)
    noise = (covariance * sizes[:, None, None]).mean(axis=0)
    of_sets = noise_corrected(embedding, sizes, noise, whiten=whiten)[::2, 1::2] ** 2
    of_populations = noise_corrected(mean[:2], np.full(2, 1e12), noise, whiten=whiten)[0, 1] ** 2
    assert of_sets.mean() == pytest.approx(of_populations, rel=0.03)


def test_corrected_distances_count_directions_of_much_noise_less():
    noise = np.diag([9.0, 1.0, 1.0, 1.0])
    found = noise_corrected(np.array([[0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0.0]]), np.full(3, 1e9), noise, whiten=True)
    # The mean variance is 3: P is 3 / 9 and 3 / 1.
    np.testing.assert_allclose(found[0], [0, np.sqrt(1 / 3), np.sqrt(3)], rtol=1e-6)
    equal = noise_corrected(np.eye(4), np.full(4, 1e9), 5 * np.eye(4), whiten=True)
    np.testing.assert_allclose(equal, np.sqrt(2) * (1 - np.eye(4)), rtol=1e-6)


def test_corrected_distances_are_not_negative_where_noise_explains_all():
    found = noise_corrected(np.array([[0.0, 0.0], [0.1, 0.0]]), np.array([2, 2]), np.eye(2), whiten=False)
    np.testing.assert_array_equal(found, np.zeros((2, 2)))
