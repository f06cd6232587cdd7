"""Embeddings of whole sets: batched where they fit, chunk by chunk where not."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import torch

from scgde.nn.encoders import MeanPoolingEncoder
from scgde.sets import whole_sets

if TYPE_CHECKING:
    from torch import Tensor

    from scgde.module import GDEModule
    from scgde.sets import Features, SetIndex


@torch.no_grad()
def embed_sets(module: GDEModule, features: Features, index: SetIndex, *, max_cells: int) -> np.ndarray:
    """Embedding of each set from all of its cells, float32 of shape ``(n_sets, E)``; NaN for a set without cells."""
    embedding = np.full((index.n_sets, module.encoder.n_embed), np.nan, dtype=np.float32)
    for sets, draw in whole_sets(index, max_cells=max_cells):
        if draw.rows.size > max_cells and isinstance(module.encoder, MeanPoolingEncoder):
            embedding[sets] = _embed_in_chunks(module, features, draw.rows[0], max_cells).cpu().numpy()
            continue
        rows = torch.from_numpy(draw.rows).to(module.device)
        weights = torch.from_numpy(draw.weights).to(module.device)
        embedding[sets] = module.embed(features.gather(rows), weights).cpu().numpy()
    return embedding


def _embed_in_chunks(module: GDEModule, features: Features, rows: np.ndarray, max_cells: int) -> Tensor:
    """One large set, shape ``(1, E)``: one pass over its cells for each mean that the encoder takes."""
    encoder = cast("MeanPoolingEncoder", module.encoder)
    means: list[Tensor] = []
    for _ in range(encoder.n_updates + 1):
        total = torch.zeros(())
        for start in range(0, len(rows), max_cells):
            part = torch.from_numpy(rows[None, start : start + max_cells]).to(module.device)
            states = encoder.states(module.featurize(features.gather(part)), means)
            # On the CPU: not every accelerator knows float64.
            total = total + states.sum(dim=1).cpu().double()
        means.append((total / len(rows)).float().to(module.device))
    return encoder.readout(means[-1])
