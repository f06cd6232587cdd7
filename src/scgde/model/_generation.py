"""Cells of sets, drawn a few sets at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from scgde._checks import check_count
from scgde.sets._covariates import encode_batch
from scgde.train import own_surroundings, rng_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scgde.module import GDEModule

MEDIAN = "median"


@torch.no_grad()
def generate_parts(
    module: GDEModule,
    embedding: np.ndarray,
    n_cells: int,
    batches: list[str] | None,
    *,
    batch: str | Sequence[str | None] | None = None,
    library_size: float | str | np.ndarray | None = None,
    seed: int = 0,
    max_cells: int,
) -> Iterator[np.ndarray]:
    """Cells of consecutive sets, shape ``(s, n_cells, *shape)``, about ``max_cells`` at once.

    Parameters
    ----------
    module
        Trained.
    embedding
        Shape ``(S, E)``.
    n_cells
        Cells per set.
    batches
        Names of the batches that the module knows; None for none.
    batch, library_size, seed
        See :meth:`scgde.model.GDE.generate`.
    max_cells
        Cells that fit in memory.
    """
    n_cells, rng = check_count(n_cells, "n_cells"), rng_of(seed)
    z = torch.from_numpy(np.array(embedding, dtype=np.float32)).to(module.device)
    codes = torch.from_numpy(encode_batch(batch, len(z), batches)).to(module.device)
    sizes = _library_sizes(module, library_size, (len(z), n_cells))
    per_batch = max(1, max_cells // n_cells)
    for start in range(0, len(z), per_batch):
        part = slice(start, start + per_batch)
        options = {} if sizes is None else {"library_size": sizes[part].to(module.device)}
        with own_surroundings(), torch.no_grad():
            cells = module.sample(z[part], n_cells, covariates={"batch": codes[part]}, rng=rng, **options)
        yield cells.cpu().numpy()


def as_sizes(value: Any, shape: tuple[int, ...], *, median: float) -> np.ndarray:
    """Library sizes of cells, a number, an array or ``"median"``, as float32 of a shape.

    Raises
    ------
    ValueError
        If they are not positive numbers that broadcast to the shape.
    """
    sizes = np.asarray(median if isinstance(value, str) and value == MEDIAN else value)
    try:
        sizes = np.broadcast_to(sizes.astype(np.float32), shape).copy()
    except ValueError:
        sizes = np.full(shape, np.nan)
    if not (np.isfinite(sizes) & (sizes > 0)).all():
        msg = f'`library_size` must be positive: a number, "median" or an array of shape {shape}, got {value!r}.'
        raise ValueError(msg)
    return sizes


def _library_sizes(module: GDEModule, value: Any, shape: tuple[int, int]) -> torch.Tensor | None:
    """Expected library size of each cell, shape ``(S, n_cells)``; None where they are drawn with the cells."""
    if value is None:
        return None
    if module.readout is None:
        msg = f'`library_size` must be None for cells that are no counts, got {value!r}. Fit with `cells="counts"`.'
        raise ValueError(msg)
    return torch.from_numpy(as_sizes(value, shape, median=module.readout.median_library_size))
