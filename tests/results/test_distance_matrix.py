from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.spatial.distance import pdist, squareform

from scgde import get, tl
from scgde.metrics import METRICS
from scgde.results import DistanceMatrix


@pytest.mark.parametrize("metric", ["energy", "gaussian_wasserstein", "mahalanobis"])
def test_distances_are_those_of_tl_distances_whether_or_not_it_wrote_them(fitted, metric):
    tl.uncertainty(fitted)
    computed = DistanceMatrix.read(fitted, metric, "gde")
    assert "distances" not in fitted.uns["gde"]
    written = tl.distances(fitted, metric=metric).to_numpy()
    is_squared = metric in METRICS and METRICS[metric].is_squared
    np.testing.assert_allclose(computed.distances**2 if is_squared else computed.distances, written, rtol=1e-12)
    np.testing.assert_array_equal(DistanceMatrix.read(fitted, metric, "gde").distances, computed.distances)


def test_distances_that_were_written_are_read(fitted):
    tl.distances(fitted, metric="wasserstein", n_cells=5)
    fitted.uns["gde"]["distances"]["wasserstein"] += 1
    stored = fitted.uns["gde"]["distances"]["wasserstein"]
    np.testing.assert_array_equal(DistanceMatrix.read(fitted, "wasserstein", "gde").distances, stored)


def test_squared_distances_are_rooted_and_noise_below_zero_is_zero(fitted):
    square = tl.distances(fitted, metric="energy").to_numpy().copy()
    square[0, 1] = square[1, 0] = -1e-3
    fitted.uns["gde"]["distances"]["energy"] = square
    found = DistanceMatrix.read(fitted, "energy", "gde").distances
    assert found[0, 1] == found[1, 0] == 0
    np.testing.assert_allclose(found[2:, 2:] ** 2, square[2:, 2:])


def test_distances_of_embeddings_are_euclidean_and_follow_the_embedding(fitted):
    tl.distances(fitted, metric="embedding")
    fitted.uns["gde"]["embedding"] = 2 * fitted.uns["gde"]["embedding"]
    expected = squareform(pdist(fitted.uns["gde"]["embedding"].astype(float)))
    matrix = DistanceMatrix.read(fitted, "embedding", "gde")
    np.testing.assert_array_equal(matrix.distances, expected)
    assert matrix.table is fitted.uns["gde"]["sets"]


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_matrix], ids=str)
def test_distances_of_sets_as_observations_are_of_any_entry(fitted, convert):
    sets, square = get.sets(fitted), tl.distances(fitted, metric="energy").to_numpy()
    sets.obsm["X_other"], sets.obsp["d"] = convert(sets.X[:, :2]), convert(square)
    sets.X = convert(sets.X)
    expected = squareform(pdist(fitted.uns["gde"]["embedding"].astype(float)))
    np.testing.assert_allclose(DistanceMatrix.read(sets, "embedding", None).distances, expected)
    expected = squareform(pdist(fitted.uns["gde"]["embedding"][:, :2].astype(float)))
    np.testing.assert_allclose(DistanceMatrix.read(sets, "X_other", None).distances, expected)
    matrix = DistanceMatrix.read(sets, "d", None)
    np.testing.assert_array_equal(matrix.distances, square)
    assert matrix.table.index.equals(fitted.uns["gde"]["sets"].index)


def test_distance_matrix_says_what_is_wrong(fitted):
    with pytest.raises(ValueError, match=r"`metric` must be one of .*'embedding', .*'energy'.*, got 'cosine'"):
        DistanceMatrix.read(fitted, "cosine", "gde")
    with pytest.raises(ValueError, match=r"`metric` must be one of .*, got 'standard_error'"):
        DistanceMatrix.read(fitted, "standard_error", "gde")
    with pytest.raises(KeyError, match=r"or `key=None` where observations are sets"):
        DistanceMatrix.read(fitted, "embedding", "other")
    sets = get.sets(fitted)
    with pytest.raises(ValueError, match=r"`metric` must be one of \['embedding'\], got 'energy'"):
        DistanceMatrix.read(sets, "energy", None)
    sets.X[1] = np.nan
    with pytest.raises(ValueError, match=r"must be finite, but 'embedding' has NaN or infinity at \['set_0', 'set_1'"):
        DistanceMatrix.read(sets, "embedding", None)
