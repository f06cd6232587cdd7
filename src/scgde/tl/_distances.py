from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from scipy.spatial.distance import pdist, squareform

from scgde import _keys, metrics
from scgde._checks import check_count, check_one_of, check_seed, check_set_table
from scgde.metrics._between_sets import between_sets, gaussian_fit_wasserstein
from scgde.sets import open_features
from scgde.stats._mahalanobis import mahalanobis, standard_errors
from scgde.tl._carried import read_model, stored_index
from scgde.tl._compare_sets import _stored
from scgde.tl._source import matching_features

if TYPE_CHECKING:
    from anndata import AnnData

    from scgde.metrics._between_sets import Metric

#: From embeddings; all but the first with their covariances.
EMBEDDING_METRICS = ("embedding", "standard_error", "mahalanobis")
#: Between the cells of two sets, each from ``scgde.metrics``.
CELL_METRICS = ("energy", "gaussian_wasserstein", "mmd", "sinkhorn", "sliced_wasserstein", "wasserstein")
#: Cells of all sets by which a kernel or a blur is chosen.
_POOLED = 2000


def distances(
    adata: AnnData,
    *,
    metric: str = "embedding",
    n_cells: int = 200,
    key: str = "gde",
    seed: int = 0,
    n_jobs: int = 1,
) -> pd.DataFrame:
    """Distance between every two sets.

    Parameters
    ----------
    adata
        A fitted AnnData, or one with embedded sets.
    metric
        ``"embedding"``: L2 between embeddings. Where the fit had an ``isometry`` term, times the scale that it learnt:
        an estimate of the Wasserstein-2 distance, in the units of the features (of their standard deviations where the
        scaling is ``"feature"``).
        ``"standard_error"``: of that distance, by the central limit theorem, in the same units. A distance of less than
        a few of them is mostly the noise of two embeddings.
        ``"mahalanobis"``: root of ``d' C^-1 d``, the difference d of two embeddings in units of its standard error. C
        is that of :func:`scgde.tl.uncertainty`, as if all sets together had lent E more cells to each, E dimensions
        being more than few cells can tell. Two draws of one population are about the root of E apart.
        Or between the cells, in the features of the fit, see ``scgde.metrics``: ``"energy"``,
        ``"gaussian_wasserstein"``, ``"mmd"``, ``"sinkhorn"``, ``"sliced_wasserstein"``, ``"wasserstein"``. Kernel and
        blur are the same for all pairs.
    n_cells
        Cells drawn from each set, without replacement, for a distance between cells.
    key
        Name under which the fit was written.
    seed
        Random seed of that draw.
    n_jobs
        Processes for a distance between cells; the result does not depend on it.

    Returns
    -------
    Symmetric, sets x sets; also written to ``uns[key]["distances"][metric]``. Of a set of one cell, standard errors and
    what is measured in them are NaN.

    Raises
    ------
    KeyError
        If there is no fit, or no covariance where one is needed.
    ValueError
        If ``metric`` is unknown, a set has no cells in ``adata``, or ``"mahalanobis"`` meets the uncertainty of
        finite populations.
    """
    check_one_of(metric, "metric", [*EMBEDDING_METRICS, *CELL_METRICS])
    check_set_table(adata.uns, key, entry=_keys.MODEL, made_by="scgde.tl.fit_gde")
    rng, n_cells = check_seed(seed), check_count(n_cells, "n_cells", minimum=2)
    content = adata.uns[key]
    if metric in CELL_METRICS:
        cells = _drawn(adata, n_cells, rng, key)
        square = between_sets(cells, _cell_metric(metric, cells, rng), n_jobs=n_jobs)
    else:
        square = _between_embeddings(adata, metric, key)
    content[_keys.DISTANCES] = {**content.get(_keys.DISTANCES, {}), metric: square}
    names = content[_keys.SETS].index
    return pd.DataFrame(square, index=names, columns=names)


def _between_embeddings(adata: AnnData, metric: str, key: str) -> np.ndarray:
    embedding = np.asarray(adata.uns[key][_keys.EMBEDDING], dtype=float)
    if metric == "embedding":
        return squareform(pdist(embedding)) * _unit(adata, key)
    if metric == "mahalanobis":
        stored = _stored(adata, key, None)
        return mahalanobis(embedding, stored.covariance, stored.n_cells)
    check_set_table(adata.uns, key, entry=_keys.COVARIANCE, made_by="scgde.tl.uncertainty")
    covariance = np.asarray(adata.uns[key][_keys.COVARIANCE], dtype=float)
    return standard_errors(embedding, covariance) * _unit(adata, key)


def _unit(adata: AnnData, key: str) -> float:
    """Units of the features per unit of latent distance, where the isometry term has learnt them; else 1."""
    scale = read_model(adata, key).latent_scale
    return 1.0 if scale is None else scale


def _drawn(adata: AnnData, n_cells: int, rng: np.random.Generator, key: str) -> list[np.ndarray]:
    """Up to ``n_cells`` cells of each set, in the features of the fit."""
    model = read_model(adata, key)
    table = adata.uns[key][_keys.SETS]
    index = stored_index(adata, table, key)
    empty = table.index[index.sizes == 0]
    if len(empty):
        msg = f"`adata` must hold cells of every set, but holds none of {empty[:5].tolist()}. Use the whole AnnData."
        raise ValueError(msg)
    features = open_features(matching_features(adata, model))
    chosen = [rng.permutation(index.rows(i))[:n_cells] for i in range(index.n_sets)]
    return [features.gather(torch.from_numpy(rows)).numpy() for rows in chosen]


def _cell_metric(name: str, cells: list[np.ndarray], rng: np.random.Generator) -> Metric:
    """The metric with one kernel or blur for all pairs, so that their values compare."""
    if name == "mmd":
        return partial(metrics.mmd, bandwidth=float(np.median(_spread(cells, rng))) or 1.0)
    if name == "sinkhorn":
        regularization = 0.05 * float(np.mean(_spread(cells, rng) ** 2))
        return partial(metrics.sinkhorn_divergence, regularization=regularization or 1.0)
    return {
        "energy": metrics.energy_distance,
        "gaussian_wasserstein": gaussian_fit_wasserstein,
        "sliced_wasserstein": metrics.sliced_wasserstein,
        "wasserstein": metrics.wasserstein,
    }[name]


def _spread(cells: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Distances between some cells, each set with the same number of them."""
    each = -(-_POOLED // len(cells))
    pooled = np.concatenate([rng.permutation(part)[:each] for part in cells])
    return pdist(rng.permutation(pooled)[:_POOLED].astype(float))
