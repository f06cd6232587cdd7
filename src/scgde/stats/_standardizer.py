"""Scales of the columns of a linear model: to what a penalty on its coefficients is relative."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

#: Columns that vary less than this share of their mean are constant.
_PRECISION = 1e-10


class Standardizer(NamedTuple):
    """Centre columns and divide them by their standard deviation; with fewer rows than columns, rotate to axes.

    Attributes
    ----------
    center, scale
        Mean and standard deviation of each column, shape ``(d,)``; the scale of a constant column is infinite.
    axes
        Principal axes, shape ``(k, d)``; None where the columns are kept as they are.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> x = np.array([[0.0], [2.0]])
    >>> stats.Standardizer(np.array([1.0]), np.array([2.0]), None)(x).ravel().tolist()
    [-0.5, 0.5]
    """

    center: np.ndarray
    scale: np.ndarray
    axes: np.ndarray | None

    def __call__(self, x: np.ndarray) -> np.ndarray:
        x = (x - self.center) / self.scale
        return x if self.axes is None else x @ self.axes.T


def standardizers(x: np.ndarray, reliability: np.ndarray | None = None) -> tuple[Standardizer, ...]:
    """Two scalings of ``x`` ``(n, d)``: of each column by its own standard deviation, and by one common to all.

    Each by its own, columns count alike, or by their ``reliability`` ``(d,)``, see :func:`scgde.stats.reliability`.
    Under a common scale a penalty holds down what varies little, as in a regression on leading components.
    """
    center, deviation = x.mean(axis=0), x.std(axis=0)
    varies = deviation > _PRECISION * (np.abs(center) + 1)
    common = np.sqrt(np.mean(deviation[varies] ** 2)) if varies.any() else 1.0
    weight = varies if reliability is None else varies * reliability
    return tuple(_scaled(x, center, unit, among) for unit, among in ((deviation, weight), (common, varies)))


def _scaled(x: np.ndarray, center: np.ndarray, unit: np.ndarray | float, weight: np.ndarray) -> Standardizer:
    scale = np.divide(unit, weight, out=np.full(len(center), np.inf), where=weight > 0)
    if x.shape[1] <= len(x):
        return Standardizer(center, scale, None)
    # A penalty on the length of the coefficients does not see rotations.
    return Standardizer(center, scale, np.linalg.svd((x - center) / scale, full_matrices=False)[2])
