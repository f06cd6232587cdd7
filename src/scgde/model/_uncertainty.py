"""Covariance of the embedding of each set, from the influence of its cells."""

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

#: Cells of one set from which Cov(influence) is estimated: a property of the population, not of the count.
MAX_CELLS_PER_SET = 20_000
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
    float64, shape ``(n_sets, k, k)``; NaN for sets of one cell.
    """
    if not module.encoder.is_smooth:
        msg = f"A smooth encoder is required for standard errors, got {type(module.encoder).__name__}."
        raise ValueError(msg)
    axes = np.eye(module.encoder.n_embed) if directions is None else directions
    projection = torch.as_tensor(axes, dtype=torch.float32, device=module.device)
    thin, sizes = _thinned(index, max_cells), index.sizes
    covariance = np.empty((index.n_sets, axes.shape[1], axes.shape[1]))

    def encode(x: Tensor, weights: Tensor) -> Tensor:
        return module.embed(x, weights) @ projection

    for sets, draw in whole_sets(thin, max_cells=_CELLS_PER_BATCH):
        x = features.gather(torch.from_numpy(draw.rows).to(module.device))
        weights = torch.from_numpy(draw.weights).to(module.device)
        seen = torch.from_numpy(thin.sizes[sets]).to(module.device)
        part = embedding_covariance(influence(encode, x, weights).double(), weights.double(), seen)
        covariance[sets] = part.cpu().numpy() * (thin.sizes[sets] / sizes[sets])[:, None, None]
    return covariance


def _thinned(index: SetIndex, max_cells: int) -> SetIndex:
    """At most ``max_cells`` cells of each set; they are in random order already."""
    place = np.arange(len(index.cells)) - np.repeat(index.offsets[:-1], index.sizes)
    kept = np.minimum(index.sizes, max_cells)
    return SetIndex(index.cells[place < max_cells], np.concatenate([[0], np.cumsum(kept)]))
