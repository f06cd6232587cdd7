"""Distances between cells of sets whose embeddings are near: what is left to measure where there are too many pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from sklearn.neighbors import NearestNeighbors

from scgde._checks import check_count, check_one_of
from scgde.metrics import METRICS
from scgde.metrics._between_sets import between_pairs
from scgde.metrics._pooled import pool_evenly
from scgde.results._distance_matrix import drawn_cells
from scgde.results._fitted_sets import FittedSets

if TYPE_CHECKING:
    from anndata import AnnData


def neighbor_distances(
    adata: AnnData,
    metric: str,
    key: str,
    *,
    n_neighbors: int,
    n_cells: int,
    rng: np.random.Generator,
    n_jobs: int | None = None,
) -> sparse.csr_matrix:
    """Distance of each set to those that are near it, symmetric, shape ``(S, S)``; see :func:`scgde.tl.distances`."""
    check_one_of(metric, "metric", list(METRICS))
    n_neighbors = check_count(n_neighbors, "neighbors")
    fitted = FittedSets.read(adata, key)
    pairs = nearest_pairs(np.asarray(fitted.embedding, dtype=float), n_neighbors)
    clouds = drawn_cells(fitted, n_cells, rng)
    values = between_pairs(clouds, pairs, METRICS[metric].prepare(pool_evenly(clouds, rng)), n_jobs=n_jobs)
    half = sparse.coo_matrix((values, pairs.T), shape=(len(clouds), len(clouds)))
    return sparse.csr_matrix(half + half.T)


def nearest_pairs(embedding: np.ndarray, n_neighbors: int) -> np.ndarray:
    """Pairs ``(n, 2)`` of sets, the first below the second, of which one is among the nearest of the other."""
    n_neighbors = min(n_neighbors, len(embedding) - 1)
    found = NearestNeighbors(n_neighbors=n_neighbors).fit(embedding).kneighbors(return_distance=False)
    pairs = np.stack([np.repeat(np.arange(len(found)), n_neighbors), found.ravel()], axis=1)
    return np.unique(np.sort(pairs, axis=1), axis=0)
