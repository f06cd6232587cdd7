from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scgde._types import Measure

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def as_measures(
    x: ArrayLike, y: ArrayLike, x_weights: ArrayLike | None = None, y_weights: ArrayLike | None = None
) -> tuple[Measure, Measure]:
    """Check two clouds of cells that are to be compared."""
    first, second = as_measure(x, x_weights, name="x"), as_measure(y, y_weights, name="y")
    if first.x.shape[1] != second.x.shape[1]:
        msg = (
            f"`x` and `y` must have the same features, got {first.x.shape[1]} and "
            f"{second.x.shape[1]} columns. Bring both to one feature space."
        )
        raise ValueError(msg)
    return first, second


def as_measure(x: ArrayLike, weights: ArrayLike | None = None, *, name: str = "x") -> Measure:
    """Check one cloud of cells; cells of weight zero are left out."""
    cells = as_cells(x, name=name)
    if weights is None:
        return Measure(cells, np.full(len(cells), 1 / len(cells)))
    mass = _as_weights(weights, len(cells), name=f"{name}_weights")
    return Measure(cells[mass > 0], mass[mass > 0])


def as_cells(x: ArrayLike, *, name: str) -> np.ndarray:
    """Check a matrix of cells and bring it to double precision."""
    if hasattr(x, "obsm"):
        msg = f"`{name}` must be an array of cells, got {type(x).__name__}. Pass its `.X`, or an entry of its `.obsm`."
        raise TypeError(msg)
    cells = np.asarray(x)
    if cells.dtype.kind not in "biuf" or cells.ndim != 2 or cells.size == 0:
        msg = (
            f"`{name}` must be a dense numeric array of shape (cells, features) with at least one of each, "
            f"got {type(x).__name__} of shape {cells.shape} and type {cells.dtype}. "
            f"For one feature pass `{name}.reshape(-1, 1)`, for a sparse matrix `{name}.toarray()`."
        )
        raise ValueError(msg)
    cells = cells.astype(np.float64, copy=False)
    if not np.isfinite(cells).all():
        n_bad = (~np.isfinite(cells)).any(axis=1).sum()
        msg = f"`{name}` must be finite, got NaN or inf in {n_bad} of {len(cells)} cells. Drop or impute them."
        raise ValueError(msg)
    return cells


def _as_weights(weights: ArrayLike, n_cells: int, *, name: str) -> np.ndarray:
    mass = np.asarray(weights, dtype=np.float64)
    if mass.shape != (n_cells,):
        msg = f"`{name}` must hold one weight per cell, shape ({n_cells},), got shape {mass.shape}."
        raise ValueError(msg)
    if not np.isfinite(mass).all() or (mass < 0).any() or mass.sum() == 0:
        msg = f"`{name}` must be finite, non-negative and not all zero, got {mass.min()} to {mass.max()}."
        raise ValueError(msg)
    return mass / mass.sum()
