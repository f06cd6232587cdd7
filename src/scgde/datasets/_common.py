"""What the simulators share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from scgde._checks import check_count


def set_of_each_cell(n_sets: int, n_cells: int | tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Code of the set of each cell, set after set: ``n_cells`` each, or a uniform draw from a range."""
    n_sets = check_count(n_sets, "n_sets")
    if not isinstance(n_cells, tuple | list):
        return np.repeat(np.arange(n_sets), check_count(n_cells, "n_cells"))
    if len(n_cells) != 2 or n_cells[0] > n_cells[1]:
        msg = f"`n_cells` must be a number or a range (low, high), got {n_cells!r}."
        raise ValueError(msg)
    low, high = (check_count(bound, "n_cells") for bound in n_cells)
    return np.repeat(np.arange(n_sets), rng.integers(low, high, size=n_sets, endpoint=True))


def named(prefix: str, codes: np.ndarray, n: int) -> pd.Categorical:
    """Categorical ``prefix_0 ...``, padded so that text order is numeric order; code -1 is missing."""
    return pd.Categorical.from_codes(codes, names(prefix, n))


def names(prefix: str, n: int) -> pd.Index:
    """Return ``n`` padded names."""
    return pd.Index([f"{prefix}_{i:0{len(str(n - 1))}d}" for i in range(n)])


def cells_anndata(x: Any, obs: dict[str, Any], truth: Any, *, feature: str = "feature") -> AnnData:
    """AnnData of cells with float32 features and ``uns["truth"]``."""
    return AnnData(
        x.astype(np.float32),
        obs=pd.DataFrame(obs, index=names("cell", x.shape[0])),
        var=pd.DataFrame(index=names(feature, x.shape[1])),
        uns={"truth": truth},
    )


def random_covariance_factors(
    shape: tuple[int, ...], n_features: int, sd: tuple[float, float], rng: np.random.Generator
) -> np.ndarray:
    """Factors L with covariance L L', randomly rotated; standard deviations of the axes uniform in ``sd``.

    Returns
    -------
    Array of shape ``(*shape, G, G)``.
    """
    q, r = np.linalg.qr(rng.standard_normal((*shape, n_features, n_features)))
    # Fixing the signs makes the rotation uniform (Haar).
    q = q * np.sign(np.diagonal(r, axis1=-2, axis2=-1))[..., None, :]
    return q * rng.uniform(*sd, size=(*shape, 1, n_features))
