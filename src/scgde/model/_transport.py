"""Cells of whole sets on their way to other sets: batched where they fit, some cells at a time where not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from scgde.data import full_set_batches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scgde.data import CellStore, SetIndex
    from scgde.module import TDEModule


@torch.no_grad()
def move_cells(
    module: TDEModule,
    features: CellStore,
    index: SetIndex,
    embeddings: Sequence[np.ndarray],
    moved: np.ndarray,
    *,
    times: Sequence[float],
    rng: torch.Generator,
    max_cells: int,
) -> None:
    """Fill ``moved``, shape ``(T, n, G)``, for the cells in a set; ``embeddings`` of sources and targets ``(S, E)``."""
    for sets, draw in full_set_batches(index, max_cells=max_cells):
        ends = [torch.from_numpy(z[sets]).to(module.device) for z in embeddings]
        # A set that comes alone may be larger than fits.
        for start in range(0, draw.rows.shape[1], max_cells):
            rows, weights = (part[:, start : start + max_cells] for part in draw)
            cells = features.gather(torch.from_numpy(rows).to(module.device))
            part = module.push(cells, *ends, times=times, rng=rng).cpu().numpy()
            moved[:, rows[weights > 0]] = part[:, weights > 0]


def check_ends(codes: np.ndarray, n_cells: int, source: np.ndarray, target: np.ndarray, *, n_latent: int) -> None:
    """Require two embeddings of each set, ``(S, E)``, and for each cell the set that it is in."""
    expected = (len(source), n_latent)
    for name, embedding in (("source_embedding", source), ("target_embedding", target)):
        if embedding.shape != expected or not np.isfinite(embedding).all():
            msg = f"`{name}` must be finite and of shape {expected}, got shape {embedding.shape}."
            raise ValueError(msg)
    if codes.shape != (n_cells,) or codes.min(initial=-1) < -1 or codes.max(initial=-1) >= len(source):
        msg = f"`codes` must hold a row of {len(source)} embeddings, or -1, for each of {n_cells} cells."
        raise ValueError(msg)
