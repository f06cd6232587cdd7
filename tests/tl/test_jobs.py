"""Functions that run on many processes, or on a cluster through joblib, give what one process does."""

from __future__ import annotations

import joblib
import numpy as np
import pytest

from scgde import tl


def results(fitted, n_jobs=None):
    """Embeddings, covariances and distances, computed anew."""
    adata = fitted.copy()
    tl.embed(adata, fitted, key_added="again", n_jobs=n_jobs)
    tl.uncertainty(adata, n_jobs=n_jobs)
    energy = tl.distances(adata, metric="energy", n_cells=5, n_jobs=n_jobs)
    return adata.uns["again"]["embedding"], adata.uns["gde"]["covariance"], energy.to_numpy()


@pytest.fixture
def in_many_batches(monkeypatch):
    monkeypatch.setattr("scgde.model._inference._MAX_CELLS", 20)
    monkeypatch.setattr("scgde.model._inference._CELLS_PER_BATCH", 20)
    monkeypatch.setattr("scgde.metrics._between_sets.BLOCK", 4)


@pytest.mark.usefixtures("in_many_batches")
def test_threads_give_what_one_process_gives(fitted):
    expected = results(fitted)
    with joblib.parallel_config(backend="threading", n_jobs=3):
        found = results(fitted)
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
@pytest.mark.usefixtures("in_many_batches")
def test_processes_give_what_one_gives(fitted):
    for one, other in zip(results(fitted), results(fitted, n_jobs=2), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning:distributed")
@pytest.mark.usefixtures("in_many_batches")
def test_a_cluster_gives_what_one_process_gives(fitted):
    distributed = pytest.importorskip("distributed")
    expected = results(fitted)
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with (
        distributed.LocalCluster(**options) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        found = results(fitted)
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_array_equal(one, other)
