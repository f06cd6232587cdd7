"""Analysis of variance of distances: multi-sample energy and PERMANOVA are one formula.

With inner products ``G`` of the sets and the projection ``H`` on the design, the sum of squares that the design
explains is ``tr(H G)``, and the error is ``tr((I - H) G)``; only inner products, and so distances, are needed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

#: Power of the distances, by name of the statistic.
POWERS = {"energy": 1, "permanova": 2}
_VALUES_PER_BLOCK = 2**22


class Partition(NamedTuple):
    """Sum of squares of sets, partitioned by a design.

    Attributes
    ----------
    statistic
        Pseudo-F.
    r2
        Share that the design explains of the sum of squares of the residuals of the nuisance.
    adjusted_r2
        The same, with expectation 0 where the design explains nothing.
    df
        Degrees of freedom of the design, and of the error.
    null
        Pseudo-F of each permutation, shape ``(n,)``.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> inner = stats.inner_products(np.abs(np.subtract.outer(np.arange(4.0), np.arange(4.0))), power=2)
    >>> design = np.array([[1.0], [1.0], [0.0], [0.0]])
    >>> orders = stats.shuffles(np.zeros(4, dtype=int), 9, np.random.default_rng(0))
    >>> round(stats.partition(inner, design, np.zeros((4, 0)), orders).r2, 2)
    0.8
    """

    statistic: float
    r2: float
    adjusted_r2: float
    df: tuple[int, int]
    null: np.ndarray


def inner_products(distances: np.ndarray, *, power: float) -> np.ndarray:
    """Inner products with squared distances ``distances ** power``, up to centring, shape ``(S, S)``.

    Centring on both sides gives Gower's matrix, in which ``|x - y|^2 = <x, x> + <y, y> - 2 <x, y>``.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> inner = stats.inner_products(np.array([[0.0, 2.0], [2.0, 0.0]]), power=2)
    >>> float(inner[0, 0] + inner[1, 1] - 2 * inner[0, 1])
    4.0
    """
    return -0.5 * distances**power


def residualize(inner: np.ndarray, nuisance: np.ndarray) -> np.ndarray:
    """Inner products of the residuals of a linear fit on a constant and the nuisance ``(S, q)``, shape ``(S, S)``.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> inner = stats.inner_products(np.array([[0.0, 2.0], [2.0, 0.0]]), power=2)
    >>> stats.residualize(inner, np.zeros((2, 0))).round(6).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """
    # (I - Q Q') G (I - Q Q'), one side after the other.
    basis = _basis_with_constant(nuisance)
    rows = inner - basis @ (basis.T @ inner)
    return rows - (rows @ basis) @ basis.T


def degrees_of_freedom(design: np.ndarray, nuisance: np.ndarray) -> tuple[int, int]:
    """Degrees of freedom that a design adds to a nuisance, and of the error; a test needs both to be positive.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> stats.degrees_of_freedom(np.array([[1.0], [1.0], [0.0], [0.0]]), np.zeros((4, 0)))
    (1, 2)
    """
    basis = _basis_with_constant(nuisance)
    added = _orthogonal_complement(design, basis).shape[1]
    return added, len(design) - basis.shape[1] - added


def partition(inner: np.ndarray, design: np.ndarray, nuisance: np.ndarray, permutations: np.ndarray) -> Partition:
    """Pseudo-F of a design given a nuisance, and its null distribution under permutations of the residuals.

    Parameters
    ----------
    inner
        See :func:`inner_products`, shape ``(S, S)``.
    design, nuisance
        Shapes ``(S, r)`` and ``(S, q)``; q may be 0. A constant is part of the nuisance.
    permutations
        Shape ``(n, S)``.

    Raises
    ------
    ValueError
        If the design adds nothing to the nuisance, or no set is left to estimate the error.

    References
    ----------
    :cite:t:`Anderson01,Rizzo10`; permutation of residuals by :cite:t:`Freedman83`.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> inner = stats.inner_products(np.abs(np.subtract.outer(np.arange(4.0), np.arange(4.0))), power=2)
    >>> design = np.array([[1.0], [1.0], [0.0], [0.0]])
    >>> orders = stats.shuffles(np.zeros(4, dtype=int), 9, np.random.default_rng(0))
    >>> result = stats.partition(inner, design, np.zeros((4, 0)), orders)
    >>> round(result.statistic, 2), result.null.shape
    (8.0, (9,))
    """
    df = degrees_of_freedom(design, nuisance)
    if min(df) <= 0:
        msg = (
            f"More sets than degrees of freedom are required, got {len(inner)} sets, {df[0]} degrees of what is tested "
            f"and {len(inner) - sum(df)} of what it is adjusted for. Use fewer groups, blocks or covariates."
        )
        raise ValueError(msg)
    basis = _basis_with_constant(nuisance)
    axes, residual = _orthogonal_complement(design, basis), residualize(inner, nuisance)
    permutations = np.concatenate([np.arange(len(inner))[None], permutations])
    explained = _sum_of_squares(axes, residual, permutations)
    # Permuted residuals are no longer orthogonal to the nuisance: what it explains of them is not error.
    error = np.trace(residual) - _sum_of_squares(basis, residual, permutations) - explained
    # F = (tr(H G) / df of the design) / (tr((I - H) G) / df of the error).
    f = np.divide(explained / df[0], error / df[1], out=np.full(len(error), np.inf), where=error > 1e-12 * explained)
    r2 = float(explained[0] / max(np.trace(residual), 1e-300))
    return Partition(float(f[0]), r2, 1 - (1 - r2) * sum(df) / df[1], df, f[1:])


def _sum_of_squares(axes: np.ndarray, residual: np.ndarray, permutations: np.ndarray) -> np.ndarray:
    """``tr(A' G A)`` for the orthonormal axes A ``(S, r)`` after each permutation, shape ``(n,)``."""
    step = max(1, _VALUES_PER_BLOCK // axes.size)
    parts = []
    for start in range(0, len(permutations), step):
        permuted = axes[permutations[start : start + step]]
        parts.append(np.einsum("nsr,nsr->n", permuted, residual @ permuted))
    return np.concatenate(parts)


def _basis_with_constant(columns: np.ndarray) -> np.ndarray:
    return _orthonormal_basis(np.column_stack([np.ones(len(columns)), _unit(columns)]))


def _orthogonal_complement(columns: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Orthonormal basis of what the columns add to a basis that contains the constant."""
    columns = _unit(columns)
    return _orthonormal_basis(columns - basis @ (basis.T @ columns))


def _unit(columns: np.ndarray) -> np.ndarray:
    """Centred columns of length one; constant ones are dropped."""
    centered = columns - columns.mean(axis=0)
    lengths = np.linalg.norm(centered, axis=0)
    vary = lengths > 1e-12 * np.linalg.norm(columns, axis=0)
    return centered[:, vary] / lengths[vary]


def _orthonormal_basis(columns: np.ndarray) -> np.ndarray:
    axes, scale, _ = np.linalg.svd(columns, full_matrices=False)
    return axes[:, scale > 1e-7]
