from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from scgde import _keys
from scgde._checks import check_count, check_jobs, check_one_of, check_seed
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.metrics import METRICS
from scgde.metrics._registry import EMBEDDING_DISTANCES
from scgde.results._distance_matrix import N_CELLS, compute_distances
from scgde.results._neighbor_distances import neighbor_distances
from scgde.results._store import write_entries
from scgde.sets._entries import read_entries

if TYPE_CHECKING:
    from anndata import AnnData

    from scgde._types import Config


@checked_keywords
@shared_docs
def distances(
    adata: AnnData,
    *,
    metric: str = "noise_corrected",
    n_cells: int = N_CELLS,
    key: str = "gde",
    seed: int = 0,
    neighbors: int | None = None,
    n_jobs: int | None = None,
) -> pd.DataFrame:
    """Distance between every two sets.

    Parameters
    ----------
    adata
        A fitted AnnData, or one with embedded sets.
    metric
        ``"noise_corrected"``: distance of embeddings, less what the noise of both adds, in units in which noise has
        no direction, see :func:`scgde.stats.noise_corrected`: a direction in which embeddings of one population scatter
        counts less. Sets of one population are at a distance near 0. Where the fit had an ``isometry`` term, directions
        count the same, so that it estimates the Wasserstein-2 distance.
        ``"embedding"``: L2 between embeddings. Where the fit had an ``isometry`` term, times the scale that it learnt:
        an estimate of the Wasserstein-2 distance, in the units of the features (of their standard deviations where the
        scaling is ``"feature"``).
        ``"standard_error"``: of that distance, by the central limit theorem, in the same units. A distance of less than
        a few of them is mostly the noise of two embeddings.
        ``"mahalanobis"``: root of ``d' C^-1 d``, the difference d of two embeddings in units of its standard error. C
        is that of :func:`scgde.tl.uncertainty`, shrunk to the mean over sets with E pseudo-observations. Two
        draws of one population are at a distance of about the root of E.
        Or between the cells, in the features of the fit, a name in ``scgde.metrics.METRICS``: ``"energy"``,
        ``"gaussian_wasserstein"``, ``"mmd"``, ``"sinkhorn"``, ``"sliced_wasserstein"``, ``"wasserstein"``,
        ``"pseudobulk"`` and ``"pseudobulk_sd"`` of means, and means and standard deviations, or one registered there.
        ``"unbiased_energy"``, ``"unbiased_mmd"`` and ``"unbiased_pseudobulk"`` leave out what the noise of finite sets
        adds, and may be below 0. Kernel and blur are the same for all pairs.
    n_cells
        Cells drawn from each set, without replacement, for a distance between cells.
    key
        %(key)s
    seed
        Random seed of that draw.
    neighbors
        Measure a distance between cells for pairs only of which one set is among so many nearest of the other in the
        embedding: where there are too many sets for all pairs, from about 20,000.
    n_jobs
        %(n_jobs)s

    Returns
    -------
    Symmetric, sets x sets; also written to ``uns[key]["distances"][metric]``. Of a set of one cell, standard errors and
    what is measured in them are NaN. With ``neighbors``, the columns are sparse, with 0 where nothing was measured, and
    the matrix is written to ``uns[key]["neighbor_distances"][metric]``. :func:`scgde.get.sets` has both in ``obsp``.

    Raises
    ------
    KeyError
        If there is no fit, or no covariance where one is needed.
    ValueError
        If ``metric`` is unknown, or with ``neighbors`` none between cells, a set has no cells in ``adata``, or
        ``"mahalanobis"`` meets the uncertainty of finite populations.

    Examples
    --------
    >>> import scgde
    >>> table = scgde.tl.distances(adata, metric="embedding")
    >>> table.shape, table.index[0]
    ((20, 20), 'donor_00')
    """
    check_one_of(metric, "metric", [*EMBEDDING_DISTANCES, *METRICS.forms])
    draw: dict[str, Any] = {"rng": check_seed(seed), "n_cells": check_count(n_cells, "n_cells", minimum=2)}
    check_jobs(n_jobs, "n_jobs")
    content = read_entries(adata, key, entry=_keys.MODEL)
    names = content[_keys.SETS].index
    if neighbors is not None:
        near = neighbor_distances(adata, metric, key, n_neighbors=neighbors, n_jobs=n_jobs, **draw)
        _store(adata, key, content, _keys.NEIGHBOR_DISTANCES, metric, near)
        return pd.DataFrame.sparse.from_spmatrix(near, index=names, columns=names)  # type: ignore[attr-defined]
    square = compute_distances(adata, content, metric, key, n_jobs=n_jobs, **draw)
    _store(adata, key, content, _keys.DISTANCES, metric, square)
    return pd.DataFrame(square, index=names, columns=names)


def _store(adata: AnnData, key: str, content: Config, entry: str, metric: str, values: Any) -> None:
    """Beside those of other metrics."""
    write_entries(adata, key, content, **{entry: {**content.get(entry, {}), metric: values}})
