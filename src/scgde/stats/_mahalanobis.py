"""Distances between estimated vectors that take their standard errors into account."""

from __future__ import annotations

import numpy as np


def standard_errors(embedding: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Standard error of each L2 distance, by the delta method.

    Parameters
    ----------
    embedding, covariance
        Of each set, shapes ``(S, E)`` and ``(S, E, E)``.

    Returns
    -------
    Shape ``(S, S)``, 0 on the diagonal.
    """
    square = np.zeros((len(embedding), len(embedding)))
    for i, z in enumerate(embedding):
        difference = embedding - z
        # Of two equal embeddings any direction will do: the one in which all are equal gives the mean error.
        length = np.linalg.norm(difference, axis=1, keepdims=True)
        flat = np.full_like(difference, difference.shape[1] ** -0.5)
        direction = np.divide(difference, length, out=flat, where=length > 0)
        square[i] = np.einsum("se,sef,sf->s", direction, covariance + covariance[i], direction)
    np.fill_diagonal(square, 0)
    return np.sqrt(np.maximum(square, 0))


def mahalanobis(embedding: np.ndarray, covariance: np.ndarray, n_cells: np.ndarray) -> np.ndarray:
    """Differences of embeddings in units of their standard error.

    Parameters
    ----------
    embedding, covariance, n_cells
        Of each set, shapes ``(S, E)``, ``(S, E, E)`` and ``(S,)``.

    Returns
    -------
    Shape ``(S, S)``; NaN for sets without covariance.
    """
    total = _shrunk(covariance, n_cells)
    square = np.zeros((len(embedding), len(embedding)))
    for i in range(len(embedding) - 1):
        difference = embedding[i] - embedding[i + 1 :]
        pooled = total[i] + total[i + 1 :]
        finite = np.isfinite(pooled).all(axis=(1, 2))
        pooled[~finite] = np.eye(embedding.shape[1])
        squared = np.einsum("pe,pe->p", difference, np.linalg.solve(pooled, difference[..., None])[..., 0])
        square[i, i + 1 :] = np.where(finite, np.sqrt(np.maximum(squared, 0)), np.nan)
    return square + square.T


def _shrunk(covariance: np.ndarray, n_cells: np.ndarray) -> np.ndarray:
    """Covariances that fewer cells than dimensions have not left singular.

    Cov(influence) of each set, as if all sets together had lent it so many cells as there are dimensions.
    """
    known = np.isfinite(covariance).all(axis=(1, 2))
    weight = n_cells[:, None, None].astype(float)
    per_cell = covariance * weight
    if not known.any():
        return covariance
    mean = np.average(per_cell[known], axis=0, weights=n_cells[known])
    n_lent = covariance.shape[1]
    return (weight * per_cell + n_lent * mean) / (weight + n_lent) / weight
