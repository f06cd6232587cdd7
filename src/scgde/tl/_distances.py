from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from joblib import Parallel, delayed
from scipy.spatial.distance import pdist, squareform

from scgde import _keys, metrics
from scgde._checks import check_count, check_one_of, check_seed, check_set_table
from scgde.sets import open_features
from scgde.tl._carried import read_model, stored_index
from scgde.tl._source import Source, matching_features

if TYPE_CHECKING:
    from collections.abc import Callable

    from anndata import AnnData

#: Distances between the cells of two sets, each from ``scgde.metrics``.
CELL_METRICS: dict[str, Callable[..., float]] = {
    "energy": metrics.energy_distance,
    "gaussian_wasserstein": lambda x, y: float(metrics.gaussian_wasserstein(*_moments(x), *_moments(y))),
    "mmd": metrics.mmd,
    "sinkhorn": metrics.sinkhorn_divergence,
    "sliced_wasserstein": metrics.sliced_wasserstein,
    "wasserstein": metrics.wasserstein,
}
EMBEDDING_METRICS = ("embedding", "mahalanobis")


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
        ``"embedding"``: L2 between embeddings; in units of the features and an estimate of their Wasserstein-2
        distance where the fit had an ``isometry`` term and a scaling other than ``"feature"``.
        ``"mahalanobis"``: difference in units of its standard error, ``sqrt(d' C^-1 d)`` with the covariance C of
        the difference that :func:`scgde.tl.uncertainty` gives.
        Or a distance between the cells: ``"energy"``, ``"gaussian_wasserstein"``, ``"mmd"``, ``"sinkhorn"``,
        ``"sliced_wasserstein"``, ``"wasserstein"``, see ``scgde.metrics``, in the features of the fit.
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
    Symmetric, sets x sets; also written to ``uns[key]["distances"][metric]``.

    Raises
    ------
    KeyError
        If there is no fit, or no covariance for ``"mahalanobis"``.
    ValueError
        If ``metric`` is unknown.
    """
    check_one_of(metric, "metric", [*EMBEDDING_METRICS, *CELL_METRICS])
    check_set_table(adata.uns, key, entry=_keys.MODEL, made_by="scgde.tl.fit_gde")
    if metric == "mahalanobis":
        check_set_table(adata.uns, key, entry=_keys.COVARIANCE, made_by="scgde.tl.uncertainty")
    rng, n_cells = check_seed(seed), check_count(n_cells, "n_cells", minimum=2)
    content = adata.uns[key]
    names = content[_keys.SETS].index
    if metric == "embedding":
        square = squareform(pdist(np.asarray(content[_keys.EMBEDDING], dtype=float))) * _unit(adata, key)
    elif metric == "mahalanobis":
        square = _mahalanobis(np.asarray(content[_keys.EMBEDDING]), np.asarray(content[_keys.COVARIANCE]))
    else:
        square = _between_cells(_drawn(adata, n_cells, rng, key), CELL_METRICS[metric], n_jobs)
    content[_keys.DISTANCES] = {**content.get(_keys.DISTANCES, {}), metric: square}
    return pd.DataFrame(square, index=names, columns=names)


def _unit(adata: AnnData, key: str) -> float:
    """Data units per unit of latent distance, where the isometry term has learnt them; else 1."""
    model = read_model(adata, key)
    scale = model.module.scale.cpu().numpy()
    if not model.module.isometry_weight or not np.allclose(scale, scale[0]):
        return 1.0
    return float(model.module.isometry.log_scale.detach().exp()) * float(scale[0])


def _mahalanobis(embedding: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    square = np.zeros((len(embedding), len(embedding)))
    for i in range(len(embedding)):
        difference = embedding[i] - embedding[i + 1 :]
        total = covariance[i] + covariance[i + 1 :]
        finite = np.isfinite(total).all(axis=(1, 2))
        inverse = np.linalg.pinv(np.where(finite[:, None, None], total, 0), hermitian=True)
        squared = np.einsum("pe,pef,pf->p", difference, inverse, difference)
        square[i, i + 1 :] = np.where(finite, np.sqrt(np.maximum(squared, 0)), np.nan)
    return square + square.T


def _drawn(adata: AnnData, n_cells: int, rng: np.random.Generator, key: str) -> list[np.ndarray]:
    """Up to ``n_cells`` cells of each set, in the features of the fit."""
    model = read_model(adata, key)
    x = matching_features(adata, model, Source.of(model))
    index = stored_index(adata, adata.uns[key][_keys.SETS], key)
    features = open_features(x)
    chosen = [rng.permutation(index.rows(i))[:n_cells] for i in range(index.n_sets)]
    return [features.gather(torch.from_numpy(rows)).numpy() for rows in chosen]


def _between_cells(cells: list[np.ndarray], metric: Callable[..., float], n_jobs: int) -> np.ndarray:
    pairs = np.triu_indices(len(cells), k=1)
    values = Parallel(n_jobs=n_jobs)(delayed(metric)(cells[i], cells[j]) for i, j in zip(*pairs, strict=True))
    square = np.zeros((len(cells), len(cells)))
    square[pairs] = values
    return square + square.T


def _moments(x: Any) -> tuple[np.ndarray, np.ndarray]:
    return x.mean(axis=0), np.cov(x, rowvar=False).reshape(x.shape[1], x.shape[1])
