"""Distances between sets: computed, and read where they were computed before. Nothing is written here."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
from scipy import sparse
from scipy.spatial.distance import pdist, squareform

from scgde import _keys
from scgde._checks import check_one_of, check_set_table
from scgde.metrics import METRICS
from scgde.metrics._between_sets import between_sets
from scgde.metrics._pooled import pool_evenly
from scgde.metrics._registry import EMBEDDING_DISTANCES
from scgde.results._covariances import SetCovariances, noise_of_cell
from scgde.results._fitted_sets import FittedSets
from scgde.results._store import read_model
from scgde.sets._entries import read_entries
from scgde.stats import mahalanobis, noise_corrected, standard_errors

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

    from scgde._types import Config

#: Squared distances of what is known of a set without a fit.
BASELINES = ("pseudobulk", "unbiased_pseudobulk", "pseudobulk_sd")
EMBEDDING, NOISE_CORRECTED = "embedding", "noise_corrected"
#: Cells drawn from each set for a distance between cells.
N_CELLS = 200


class DistanceMatrix(NamedTuple):
    """Sets as observations.

    Attributes
    ----------
    table
        One row per set.
    distances
        Shape ``(S, S)``, finite.
    """

    table: pd.DataFrame
    distances: np.ndarray

    @classmethod
    def baselines(cls, adata: AnnData, key: str) -> dict[str, Self]:
        """Distances between simple summaries of all cells of each set, by name in ``METRICS.forms``."""
        content = read_entries(adata, key)
        table = content[_keys.SETS]
        squares = {name: compute_distances(adata, content, name, key, n_cells=sys.maxsize) for name in BASELINES}
        # Of a set of one cell, noise is not known.
        return {name: cls(table, np.sqrt(np.nan_to_num(square).clip(0))) for name, square in squares.items()}

    @classmethod
    def read(cls, adata: AnnData, metric: str, key: str | None) -> Self:
        """The sets of a fit, or (``key`` None) the observations of ``adata``, which are sets themselves.

        Distances that ``scgde.tl.distances`` has not written are computed.

        Raises
        ------
        KeyError
            If there is no fit.
        ValueError
            If there is no such metric, or distances are not finite.
        """
        if key is None:
            matrix = cls(adata.obs, _of_observations(adata, metric))
        else:
            or_else = ", or `key=None` where observations are sets"
            content = read_entries(adata, key, or_else=or_else)
            matrix = cls(content[_keys.SETS], _of_fit(adata, content, metric, key))
        finite = np.isfinite(matrix.distances).all(axis=1)
        if not finite.all():
            some = matrix.table.index[~finite][:5].tolist()
            msg = f"Distances by `metric` must be finite, but {metric!r} has NaN or infinity at {some}. Leave them out."
            raise ValueError(msg)
        return matrix


def compute_distances(
    adata: AnnData,
    content: Config,
    metric: str,
    key: str,
    *,
    n_cells: int = N_CELLS,
    rng: np.random.Generator | None = None,
    n_jobs: int | None = None,
) -> np.ndarray:
    """Distance between every two sets of ``content``, entries of a fit, ``(S, S)``; see :func:`scgde.tl.distances`."""
    rng = np.random.default_rng(0) if rng is None else rng
    if metric in METRICS.forms:
        clouds = drawn_cells(FittedSets.read(adata, key), n_cells, rng)
        of_cells, unbiased = METRICS.form(metric)
        pairs = of_cells.prepare_all_pairs(pool_evenly(clouds, rng), unbiased=unbiased)
        return between_sets(clouds, pairs, n_jobs=n_jobs)
    if metric == "mahalanobis":
        sets = SetCovariances.read(adata, key)
        return mahalanobis(sets.embedding, sets.covariance, sets.n_cells)
    # Units of the features per unit of latent distance, where the isometry term has learnt them.
    scale = read_model(adata, key).latent_scale
    unit = 1.0 if scale is None else scale
    embedding = np.asarray(content[_keys.EMBEDDING], dtype=float)
    if metric == EMBEDDING:
        return squareform(pdist(embedding)) * unit
    if metric == NOISE_CORRECTED:
        fitted = FittedSets.read(adata, key)
        sizes = fitted.index.sizes
        return noise_corrected(embedding, sizes, noise_of_cell(fitted), whiten=scale is None) * unit
    check_set_table(adata.uns, key, entry=_keys.COVARIANCE, made_by="scgde.tl.uncertainty")
    covariance = np.asarray(content[_keys.COVARIANCE], dtype=float)
    return standard_errors(embedding, covariance) * unit


def drawn_cells(fitted: FittedSets, n_cells: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Up to ``n_cells`` cells of each set, in the features of the fit."""
    index = fitted.index
    chosen = [rng.permutation(index.rows(i))[:n_cells] for i in range(index.n_sets)]
    read = fitted.observed if fitted.model.module.target_spec.is_vector else fitted.ground
    return [read(rows) for rows in chosen]


def _of_fit(adata: AnnData, content: Config, metric: str, key: str) -> np.ndarray:
    # A standard error is no distance.
    check_one_of(
        metric, "metric", [name for name in (*EMBEDDING_DISTANCES, *METRICS.forms) if name != "standard_error"]
    )
    if metric == EMBEDDING:
        return squareform(pdist(np.asarray(content[_keys.EMBEDDING], dtype=float)))
    known = content.get(_keys.DISTANCES, {})
    square = (
        np.asarray(known[metric], dtype=float) if metric in known else compute_distances(adata, content, metric, key)
    )
    # The root of a square behaves as a distance does.
    is_squared = metric in METRICS.forms and METRICS.form(metric)[0].is_squared
    return np.sqrt(square.clip(0)) if is_squared else square


def _of_observations(adata: AnnData, metric: str) -> np.ndarray:
    check_one_of(metric, "metric", [EMBEDDING, *adata.obsm, *adata.obsp])
    entry = adata.obsp[metric] if metric in adata.obsp else adata.X if metric == EMBEDDING else adata.obsm[metric]
    dense = np.asarray(entry.toarray() if sparse.issparse(entry) else entry, dtype=float)
    return dense if metric in adata.obsp else squareform(pdist(dense))
