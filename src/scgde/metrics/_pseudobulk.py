"""Distances of simple summaries of sets: what an embedding has to be better than."""

from __future__ import annotations

import numpy as np

from scgde.metrics._registry import METRICS


@METRICS.register("pseudobulk", label="squared distance of means", is_squared=True, has_unbiased=True)
def pseudobulk_distance(x: np.ndarray, y: np.ndarray, *, unbiased: bool = False) -> float:
    """Squared Euclidean distance between the means of two sets of cells.

    Parameters
    ----------
    x, y
        Cells, shapes ``(n, G)`` and ``(m, G)``.
    unbiased
        Whether to subtract its expectation for two sets of one population, ``tr Cov(x) / n + tr Cov(y) / m``; may then
        be below 0, and is NaN for a set of one cell.

    Examples
    --------
    >>> import numpy as np
    >>> import scgde
    >>> scgde.metrics.pseudobulk_distance(np.array([[0.0], [2.0]]), np.array([[4.0], [4.0]]))
    9.0
    """
    square = float(np.square(x.mean(axis=0) - y.mean(axis=0)).sum())
    return square - _noise(x) - _noise(y) if unbiased else square


@METRICS.register("pseudobulk_sd", label="squared distance of means and standard deviations", is_squared=True)
def pseudobulk_sd_distance(x: np.ndarray, y: np.ndarray) -> float:
    """Squared Euclidean distance between means and standard deviations of the features of two sets of cells.

    The squared Wasserstein-2 distance of Gaussians with these, whose features are independent.

    Parameters
    ----------
    x, y
        Cells, shapes ``(n, G)`` and ``(m, G)``.

    Examples
    --------
    >>> import numpy as np
    >>> import scgde
    >>> scgde.metrics.pseudobulk_sd_distance(np.array([[0.0], [2.0]]), np.array([[4.0], [4.0]]))
    10.0
    """
    return pseudobulk_distance(x, y) + float(np.square(x.std(axis=0) - y.std(axis=0)).sum())


def _noise(x: np.ndarray) -> float:
    return float(x.var(axis=0, ddof=1).sum()) / len(x) if len(x) > 1 else np.nan
