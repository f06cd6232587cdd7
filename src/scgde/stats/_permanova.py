"""Analysis of variance of distances: multi-sample energy and PERMANOVA are one formula."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

#: Power of the distances by name of the statistic.
POWERS = {"energy": 1, "permanova": 2}
_VALUES_PER_BLOCK = 2**22


class Partition(NamedTuple):
    """Dispersion of sets, split by a design.

    Attributes
    ----------
    statistic
        Pseudo-F.
    r2
        Share that the design explains of the dispersion that the nuisance leaves.
    adjusted_r2
        The same, zero in expectation where the design explains nothing.
    df
        Of the design, and left.
    null
        Pseudo-F of each permutation, shape ``(n,)``.
    """

    statistic: float
    r2: float
    adjusted_r2: float
    df: tuple[int, int]
    null: np.ndarray


def inner_products(distances: np.ndarray, *, power: float) -> np.ndarray:
    """Inner products, up to the origin, of which ``distances ** power`` are the squared distances; ``(S, S)``."""
    return -0.5 * distances**power


def left_by(nuisance: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """Centred inner products of what a linear fit on the nuisance ``(S, q)`` leaves."""
    known = _with_constant(nuisance)
    rows = inner - known @ (known.T @ inner)
    return rows - (rows @ known) @ known.T


def degrees_of_freedom(design: np.ndarray, nuisance: np.ndarray) -> tuple[int, int]:
    """Of what a design adds to a nuisance, and left; no test is possible unless both are positive."""
    known = _with_constant(nuisance)
    added = _beyond(known, design).shape[1]
    return added, len(design) - known.shape[1] - added


def partition(inner: np.ndarray, design: np.ndarray, nuisance: np.ndarray, permutations: np.ndarray) -> Partition:
    """Pseudo-F of a design given a nuisance, also under permutations of what the nuisance leaves.

    Parameters
    ----------
    inner
        See :func:`inner_products`.
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
    """
    df = degrees_of_freedom(design, nuisance)
    if min(df) <= 0:
        msg = (
            f"More sets than degrees of freedom are required, got {len(inner)} sets, {df[0]} degrees of what is tested "
            f"and {len(inner) - sum(df)} of what it is adjusted for. Use fewer groups, blocks or covariates."
        )
        raise ValueError(msg)
    known = _with_constant(nuisance)
    axes, left = _beyond(known, design), left_by(nuisance, inner)
    permutations = np.concatenate([np.arange(len(inner))[None], permutations])
    explained = _along(axes, left, permutations)
    # Permuted residuals may fall on the nuisance again, where they are no error.
    error = np.trace(left) - _along(known, left, permutations) - explained
    f = np.divide(explained / df[0], error / df[1], out=np.full(len(error), np.inf), where=error > 1e-12 * explained)
    r2 = float(explained[0] / max(np.trace(left), 1e-300))
    return Partition(float(f[0]), r2, 1 - (1 - r2) * sum(df) / df[1], df, f[1:])


def _along(axes: np.ndarray, left: np.ndarray, permutations: np.ndarray) -> np.ndarray:
    """Dispersion along permuted axes ``(S, r)``, shape ``(n,)``."""
    step = max(1, _VALUES_PER_BLOCK // axes.size)
    parts = []
    for start in range(0, len(permutations), step):
        moved = axes[permutations[start : start + step]]
        parts.append(np.einsum("nsr,nsr->n", moved, left @ moved))
    return np.concatenate(parts)


def _with_constant(columns: np.ndarray) -> np.ndarray:
    return _basis(np.column_stack([np.ones(len(columns)), _unit(columns)]))


def _beyond(known: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Orthonormal basis of what the columns add to a basis that contains the constant."""
    columns = _unit(columns)
    return _basis(columns - known @ (known.T @ columns))


def _unit(columns: np.ndarray) -> np.ndarray:
    """Centred columns of length one; constant ones are dropped."""
    centered = columns - columns.mean(axis=0)
    lengths = np.linalg.norm(centered, axis=0)
    vary = lengths > 1e-12 * np.linalg.norm(columns, axis=0)
    return centered[:, vary] / lengths[vary]


def _basis(columns: np.ndarray) -> np.ndarray:
    axes, scale, _ = np.linalg.svd(columns, full_matrices=False)
    return axes[:, scale > 1e-7]
