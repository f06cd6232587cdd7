from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from scgde.results import FittedSets, SetCovariances
from scgde.results._covariances import reliability_of_dimensions
from scgde.stats import reliability
from scgde.tl import uncertainty


@pytest.fixture
def adata():
    """Three sets in two dimensions with their covariances, the last of which is singular."""
    table = pd.DataFrame({"n_cells": [20, 30, 40]}, index=["a", "b", "c"])
    covariance = np.array([[[2.0, 1.0], [1.0, 3.0]], [[1.0, 0.0], [0.0, 1.0]], [[1.0, 1.0], [1.0, 1.0]]])
    content = {"sets": table, "embedding": np.array([[0.0, 1.0], [5.0, 2.0], [-3.0, 4.0]]), "covariance": covariance}
    return ad.AnnData(uns={"gde": content})


def test_covariances_are_those_of_the_sets(adata):
    sets = SetCovariances.read(adata, "gde")
    assert sets.names.tolist() == ["a", "b", "c"]
    assert sets.n_cells.tolist() == [20, 30, 40]
    np.testing.assert_array_equal(sets.embedding, adata.uns["gde"]["embedding"])
    np.testing.assert_allclose(sets.covariance, adata.uns["gde"]["covariance"], atol=1e-5)


def test_covariances_count_the_precision_of_an_embedding(adata):
    """So that none is singular, also where every cell of a population was measured."""
    sets = SetCovariances.read(adata, "gde")
    assert (np.linalg.eigvalsh(sets.covariance) > 0).all()
    adata.uns["gde"]["covariance"][:] = 0
    known = SetCovariances.read(adata, "gde").covariance
    np.testing.assert_allclose(known, np.tile((1e-6 * 5) ** 2 * np.eye(2), (3, 1, 1)))


def test_covariances_are_refused_where_they_are_of_finite_populations(adata):
    adata.uns["gde"]["population_size"] = "injected"
    with pytest.raises(ValueError, match=r"was run with `population_size='injected'`. Run it without"):
        SetCovariances.read(adata, "gde")


def test_covariances_must_have_been_computed(adata):
    del adata.uns["gde"]["covariance"]
    with pytest.raises(KeyError, match=r"must hold \['covariance'\], which `scgde.tl.uncertainty` writes"):
        SetCovariances.read(adata, "gde")


def test_reliability_is_known_from_the_cells_of_the_sets(fitted):
    uncertainty(fitted)
    entry = fitted.uns["gde"]
    expected = reliability(entry["embedding"].astype(float), entry["standard_error"] ** 2)
    found = reliability_of_dimensions(FittedSets.read(fitted, "gde"))
    assert found.shape == expected.shape
    # The noise of a cell is pooled over sets.
    np.testing.assert_allclose(found, expected, atol=0.1)


def test_reliability_is_not_known_of_an_encoder_that_is_not_smooth(fitted_once, fit):
    adata = fitted_once[0].copy()
    fit(adata, encoder="median_gnn")
    assert reliability_of_dimensions(FittedSets.read(adata, "gde")) is None
