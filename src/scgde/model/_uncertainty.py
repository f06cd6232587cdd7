"""How far an embedding would move with other cells: by the influence of each cell, and by draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from scgde.nn.influence import embedding_covariance, influence
from scgde.sets import SetIndex, whole_sets

if TYPE_CHECKING:
    from torch import Tensor

    from scgde.module import GDEModule
    from scgde.sets import Features

#: Cells of one set from which Cov(influence) is estimated, a property of the population and not of the count: of
#: a standard error, 5,000 cells settle the first two digits.
MAX_CELLS_PER_SET = 5_000
_CELLS_PER_BATCH = 16_384


def covariance_of_sets(
    module: GDEModule,
    features: Features,
    index: SetIndex,
    *,
    directions: np.ndarray | None = None,
    max_cells: int = MAX_CELLS_PER_SET,
) -> np.ndarray:
    """Covariance of the embedding of each set over draws of its cells.

    Parameters
    ----------
    module
        Trained, with a smooth encoder.
    features, index
        Cells and sets.
    directions
        Axes to project embeddings on, shape ``(E, k)``; the embedding's own by default.
    max_cells
        Larger sets have Cov(influence) estimated from so many of their cells, and divided by all of them.

    Returns
    -------
    float64, shape ``(n_sets, k, k)``; NaN for sets of one cell or none.

    Raises
    ------
    ValueError
        If the encoder is not smooth.
    """
    _check_smooth(module)
    axes = np.eye(module.encoder.n_embed) if directions is None else directions
    projection = torch.as_tensor(axes, dtype=torch.float32, device=module.device)
    thin = _thinned(index, max_cells)
    covariance = np.full((index.n_sets, axes.shape[1], axes.shape[1]), np.nan)

    def encode(x: Tensor, weights: Tensor) -> Tensor:
        return module.embed(x, weights) @ projection

    for sets, draw in whole_sets(thin, max_cells=_CELLS_PER_BATCH):
        x, weights = features.gather(_tensor(draw.rows, module)), _tensor(draw.weights, module)
        n_cells = _tensor(thin.sizes[sets], module)
        part = embedding_covariance(influence(encode, x, weights).double(), weights.double(), n_cells)
        covariance[sets] = part.cpu().numpy() * (thin.sizes[sets] / index.sizes[sets])[:, None, None]
    return covariance


@torch.no_grad()
def embed_draws(module: GDEModule, features: Features, rows: np.ndarray) -> np.ndarray:
    """Embeddings of draws of equally many cells.

    Parameters
    ----------
    module
        Trained.
    features
        Of all cells.
    rows
        Cells of each draw, shape ``(n, M)``.

    Returns
    -------
    Shape ``(n, E)``.
    """
    per_batch = max(1, _CELLS_PER_BATCH // rows.shape[1])
    parts = []
    for start in range(0, len(rows), per_batch):
        draw = _tensor(rows[start : start + per_batch], module)
        weights = torch.full(draw.shape, 1 / rows.shape[1], device=module.device)
        parts.append(module.embed(features.gather(draw), weights).cpu().numpy())
    return np.concatenate(parts)


def _check_smooth(module: GDEModule) -> None:
    if module.encoder is None or not module.encoder.is_smooth:
        msg = (
            "An encoder that is smooth in the weights is required for standard errors, got "
            f'{type(module.encoder).__name__}. Fit with another `encoder`, such as "pooled_gnn".'
        )
        raise ValueError(msg)


def _tensor(values: np.ndarray, module: GDEModule) -> Tensor:
    return torch.from_numpy(values).to(module.device)


def _thinned(index: SetIndex, max_cells: int) -> SetIndex:
    """At most ``max_cells`` cells of each set; they are in random order already."""
    place = np.arange(len(index.cells)) - np.repeat(index.offsets[:-1], index.sizes)
    kept = np.minimum(index.sizes, max_cells)
    return SetIndex(index.cells[place < max_cells], np.concatenate([[0], np.cumsum(kept)]))
