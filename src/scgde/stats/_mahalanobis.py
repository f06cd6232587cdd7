"""Distances between estimated vectors that take their standard errors into account."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import pdist, squareform

#: Share of the variances alone in a covariance that is inverted.
_SHRINKAGE = 0.1


def standard_errors(embedding: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Standard error of each L2 distance, by the delta method.

    Parameters
    ----------
    embedding, covariance
        Embedding of each set and its covariance, shapes ``(S, E)`` and ``(S, E, E)``.

    Returns
    -------
    Shape ``(S, S)``, 0 on the diagonal.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> embedding, covariance = np.array([[0.0], [3.0]]), np.full((2, 1, 1), 0.5)
    >>> round(float(stats.standard_errors(embedding, covariance)[0, 1]), 6)
    1.0
    """
    square = np.zeros((len(embedding), len(embedding)))
    for i, z in enumerate(embedding):
        difference = embedding - z
        # The gradient of |d| is d / |d|. Where d is 0 any direction serves: the diagonal gives an average error.
        length = np.linalg.norm(difference, axis=1, keepdims=True)
        flat = np.full_like(difference, difference.shape[1] ** -0.5)
        direction = np.divide(difference, length, out=flat, where=length > 0)
        # Var |z_i - z_j| = u' (C_i + C_j) u, with the direction u of the difference.
        square[i] = np.einsum("se,sef,sf->s", direction, covariance + covariance[i], direction)
    np.fill_diagonal(square, 0)
    return np.sqrt(np.maximum(square, 0))


def mahalanobis(embedding: np.ndarray, covariance: np.ndarray, n_cells: np.ndarray) -> np.ndarray:
    """Differences of embeddings in units of their standard error.

    Parameters
    ----------
    embedding, covariance, n_cells
        Embedding of each set, its covariance, and its number of cells; shapes ``(S, E)``, ``(S, E, E)``, ``(S,)``.

    Returns
    -------
    Shape ``(S, S)``; NaN for sets without covariance.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> embedding, covariance = np.array([[0.0], [3.0]]), np.full((2, 1, 1), 0.5)
    >>> round(float(stats.mahalanobis(embedding, covariance, np.array([50, 50]))[0, 1]), 6)
    3.0
    """
    shrunk = _shrunk(covariance, n_cells)
    square = np.zeros((len(embedding), len(embedding)))
    for i in range(len(embedding) - 1):
        difference = embedding[i] - embedding[i + 1 :]
        pooled = shrunk[i] + shrunk[i + 1 :]
        finite = np.isfinite(pooled).all(axis=(1, 2))
        pooled[~finite] = np.eye(embedding.shape[1])
        squared = np.einsum("pe,pe->p", difference, np.linalg.solve(pooled, difference[..., None])[..., 0])
        square[i, i + 1 :] = np.where(finite, np.sqrt(np.maximum(squared, 0)), np.nan)
    return square + square.T


def noise_corrected(embedding: np.ndarray, n_cells: np.ndarray, covariance: np.ndarray, *, whiten: bool) -> np.ndarray:
    """Distances without what the noise of both embeddings adds to them, and in units in which noise has no direction.

    Squared distances are ``d' P d`` less their expectation for two sets of n and m cells of one population,
    ``tr(P W) (1 / n + 1 / m)``, and at least 0. W is the covariance of what one cell adds. P is its inverse, shrunk and
    times the mean variance, ``w (0.9 W + 0.1 diag W)^-1``, or I.

    Parameters
    ----------
    embedding, n_cells
        Embedding of each set and its number of cells, shapes ``(S, E)`` and ``(S,)``.
    covariance
        Of what one cell adds to an embedding, shape ``(E, E)``.
    whiten
        Whether P is not the identity.

    Returns
    -------
    Shape ``(S, S)``, in units of the embedding.

    References
    ----------
    :cite:t:`Walther16`, who take the noise out of squared Mahalanobis distances by cross-validation.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> embedding, n_cells = np.array([[0.0], [3.0]]), np.array([10, 10])
    >>> distances = stats.noise_corrected(embedding, n_cells, np.array([[20.0]]), whiten=False)
    >>> round(float(distances[0, 1] ** 2), 6)  # 9 less 20 / 10 + 20 / 10
    5.0
    """
    metric, variance = np.eye(len(covariance)), np.diag(covariance)
    if whiten and variance.min() > 0:
        metric = variance.mean() * np.linalg.inv((1 - _SHRINKAGE) * covariance + _SHRINKAGE * np.diag(variance))
    rotated = embedding @ np.linalg.cholesky(metric)
    noise = np.trace(metric @ covariance) / n_cells
    square = squareform(pdist(rotated, "sqeuclidean")) - (noise[:, None] + noise)
    np.fill_diagonal(square, 0)
    return np.sqrt(np.maximum(square, 0))


def _shrunk(covariance: np.ndarray, n_cells: np.ndarray) -> np.ndarray:
    """Covariances of the embeddings, regular also where a set has fewer cells than dimensions.

    The covariance of one cell's influence is shrunk to its mean over sets, which counts as E more cells.
    """
    finite = np.isfinite(covariance).all(axis=(1, 2))
    weight = n_cells[:, None, None].astype(float)
    per_cell = covariance * weight
    if not finite.any():
        return covariance
    mean = np.average(per_cell[finite], axis=0, weights=n_cells[finite])
    n_prior = covariance.shape[1]
    return (weight * per_cell + n_prior * mean) / (weight + n_prior) / weight
