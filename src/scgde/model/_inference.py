"""What a trained module says of full sets: embeddings, their covariance, transported cells. No cell is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
import torch
from joblib import Parallel, delayed

from scgde._progress import progress
from scgde.data import SetIndex, full_set_batches
from scgde.nn.encoders import MeanPoolingEncoder
from scgde.nn.influence import embedding_covariance
from scgde.nn.layers import weighted_mean
from scgde.train import own_surroundings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor

    from scgde.data import CellStore
    from scgde.module import SetModule, TDEModule
    from scgde.nn.cells import Ends

#: Cells of one set from which Cov(influence) is estimated, a property of the population and not of the count: of
#: a standard error, 5,000 cells settle the first two digits.
MAX_CELLS_PER_SET = 5_000
#: Cells that the networks see at once, and whose influence is computed at once; fewer if they have more values.
_MAX_CELLS, _CELLS_PER_BATCH, _MAX_VALUES = 65_536, 16_384, 2**24
#: The same on a CPU: so few that the memory of one batch is used again by the next, which is twice as fast.
_MAX_CELLS_ON_CPU, _CELLS_PER_BATCH_ON_CPU, _MAX_VALUES_ON_CPU = 8_192, 4_096, 3 * 2**22


class FullSets(NamedTuple):
    """A batch of full sets, padded with weight 0.

    Attributes
    ----------
    sets
        Which sets, shape ``(S,)``.
    rows
        Of their cells in the store, shape ``(S, M)``.
    weights
        Shape ``(S, M)``.
    """

    sets: np.ndarray
    rows: np.ndarray
    weights: np.ndarray

    def gather(self, module: SetModule, store: CellStore) -> tuple[Tensor, Tensor]:
        """Cells ``(S, M, *shape)`` and weights ``(S, M)`` on the device of the module."""
        rows, weights = (torch.from_numpy(part).to(module.device) for part in (self.rows, self.weights))
        return store.gather(rows), weights

    def chunks(self, max_cells: int) -> Iterator[FullSets]:
        """Parts of at most so many cells of each set: a set that comes alone may be larger than fits."""
        for start in range(0, self.rows.shape[1], max_cells):
            yield FullSets(self.sets, *(part[:, start : start + max_cells] for part in (self.rows, self.weights)))


def full_sets(index: SetIndex, *, max_cells: int) -> Iterator[FullSets]:
    """All sets with cells, in batches of at most ``max_cells`` slots."""
    for sets, draw in full_set_batches(index, max_cells=max_cells):
        yield FullSets(sets, draw.rows, draw.weights)


@torch.no_grad()
def embed_sets(
    module: SetModule, store: CellStore, index: SetIndex, *, max_cells: int, n_jobs: int | None = None
) -> np.ndarray:
    """Embedding of each set from all of its cells, float32 of shape ``(n_sets, E)``; NaN for a set without cells."""
    embedding = np.full((index.n_sets, module.n_embed), np.nan, dtype=np.float32)
    batches, in_chunks = _batches(index, max_cells, may_be_cut=isinstance(module.encoder, MeanPoolingEncoder))
    tasks = (delayed(_embed_batch)(module, *batch.gather(module, store)) for batch in batches)
    parts = progress(_in_order(tasks, n_jobs), "Embed", unit="batch", total=len(batches))
    for batch, part in zip(batches, parts, strict=True):
        embedding[batch.sets] = part
    for batch in in_chunks:
        embedding[batch.sets] = _embed_in_chunks(module, store, batch, max_cells).cpu().numpy()
    return embedding


def _batches(index: SetIndex, max_cells: int, *, may_be_cut: bool) -> tuple[list[FullSets], list[FullSets]]:
    """Those that are embedded at once, and those of one set that is too large for it."""
    batches = list(full_sets(index, max_cells=max_cells))
    is_cut = [may_be_cut and batch.rows.size > max_cells for batch in batches]
    at_once = [batch for batch, cut in zip(batches, is_cut, strict=True) if not cut]
    return at_once, [batch for batch, cut in zip(batches, is_cut, strict=True) if cut]


@torch.no_grad()
def _embed_batch(module: SetModule, x: Tensor, weights: Tensor) -> np.ndarray:
    return module.embed(x, weights).cpu().numpy()


def _in_order(tasks: Iterator[Any], n_jobs: int | None) -> Iterator[Any]:
    """Results of tasks that are made while others run: the cells of a few batches are held at a time."""
    return Parallel(n_jobs=n_jobs, return_as="generator", pre_dispatch="2*n_jobs")(tasks)


@torch.no_grad()
def transport_cells(
    module: TDEModule,
    store: CellStore,
    index: SetIndex,
    ends: Ends,
    transported: np.ndarray,
    *,
    times: Sequence[float],
    rng: torch.Generator,
    max_cells: int,
) -> None:
    """Fill ``transported``, shape ``(T, n, *shape)``, for the cells in a set; ``ends`` hold embeddings ``(S, E)``."""
    for batch in full_sets(index, max_cells=max_cells):
        source, target = (z[torch.from_numpy(batch.sets)].to(module.device) for z in ends)
        for part in batch.chunks(max_cells):
            x, _ = part.gather(module, store)
            path = module.push(x, source, target, times=times, rng=rng).cpu().numpy()
            inside = part.weights > 0
            transported[:, part.rows[inside]] = path[:, inside]


@own_surroundings()
def covariance_of_sets(
    module: SetModule,
    store: CellStore,
    index: SetIndex,
    *,
    directions: np.ndarray | None = None,
    max_cells: int = MAX_CELLS_PER_SET,
    n_jobs: int | None = None,
) -> np.ndarray:
    """Covariance of the embedding of each set over draws of its cells.

    Parameters
    ----------
    module
        Trained, with a smooth encoder.
    store, index
        Cells and sets.
    directions
        Axes to project embeddings on, shape ``(E, k)``; the embedding's own by default.
    max_cells
        Larger sets have Cov(influence) estimated from so many of their cells, and divided by all of them.
    n_jobs
        Processes, see :func:`scgde.tl.uncertainty`.

    Returns
    -------
    float64, shape ``(n_sets, k, k)``; NaN for sets of one cell or none.

    Raises
    ------
    ValueError
        If the encoder is not smooth.
    """
    _check_smooth(module)
    axes = np.eye(module.n_embed) if directions is None else directions
    projection = torch.as_tensor(axes, dtype=torch.float32, device=module.device)
    subset = index.first_cells(max_cells)
    covariance = np.full((index.n_sets, axes.shape[1], axes.shape[1]), np.nan)
    n_cells = subset.effective_sizes
    batches = list(full_sets(subset, max_cells=_cells_per_batch(module)))
    tasks = (
        delayed(_covariance_of_batch)(module, projection, *batch.gather(module, store), n_cells[batch.sets])
        for batch in batches
    )
    parts = progress(_in_order(tasks, n_jobs), "Uncertainty", unit="batch", total=len(batches))
    for batch, part in zip(batches, parts, strict=True):
        share = n_cells[batch.sets] / index.effective_sizes[batch.sets]
        covariance[batch.sets] = part * share[:, None, None]
    return covariance


def _covariance_of_batch(
    module: SetModule, projection: Tensor, x: Tensor, weights: Tensor, n_cells: np.ndarray
) -> np.ndarray:
    counts = torch.from_numpy(n_cells).to(module.device)
    part = embedding_covariance(module.influence(x, weights, projection).double(), weights.double(), counts)
    return part.cpu().numpy()


@own_surroundings()
@torch.no_grad()
def embed_draws(module: SetModule, store: CellStore, rows: np.ndarray) -> np.ndarray:
    """Embeddings ``(n, E)`` of draws of equally many cells, whose rows are ``(n, M)``."""
    per_batch, parts = max(1, _cells_per_batch(module) // rows.shape[1]), []
    for start in range(0, len(rows), per_batch):
        draw = torch.from_numpy(rows[start : start + per_batch]).to(module.device)
        weights = torch.full(draw.shape, 1 / rows.shape[1], device=module.device)
        parts.append(module.embed(store.gather(draw), weights).cpu().numpy())
    return np.concatenate(parts)


def whole_sets(
    module: SetModule, store: CellStore, index: SetIndex, sets: np.ndarray
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Some sets in batches, which ones, cells and weights; of a large one a random part that settles its moments."""
    subset = index.take(sets).first_cells(MAX_CELLS_PER_SET)
    for batch in full_sets(subset, max_cells=_cells_per_batch(module)):
        number = torch.from_numpy(sets[batch.sets]).to(module.device)
        yield number, *batch.gather(module, store)


def cells_at_once(module: SetModule) -> int:
    """Cells that the networks see at once."""
    return _at_most(module, _MAX_CELLS, _MAX_CELLS_ON_CPU, max(module.spec.size, module.target_spec.size))


def _cells_per_batch(module: SetModule) -> int:
    return _at_most(module, _CELLS_PER_BATCH, _CELLS_PER_BATCH_ON_CPU, module.spec.size)


def _at_most(module: SetModule, n_cells: int, on_cpu: int, values_per_cell: int) -> int:
    if module.device.type == "cpu":
        return max(1, min(n_cells, on_cpu, _MAX_VALUES_ON_CPU // values_per_cell))
    return max(1, min(n_cells, _MAX_VALUES // values_per_cell))


def _embed_in_chunks(module: SetModule, store: CellStore, batch: FullSets, max_cells: int) -> Tensor:
    """One large set, shape ``(1, E)``: one pass over its cells for each mean that the encoder takes."""
    encoder = cast("MeanPoolingEncoder", module.encoder)

    def mean(state: Callable[[Tensor], Tensor]) -> Tensor:
        total = torch.zeros(())
        for part in batch.chunks(max_cells):
            x, weights = part.gather(module, store)
            # On the CPU: not every accelerator knows float64.
            total = total + weighted_mean(state(x), weights * batch.rows.shape[1]).cpu().double()
        return (total / batch.rows.shape[1]).float().to(module.device)

    means: list[Tensor] = []
    for _ in range(encoder.n_updates + 1):
        means.append(mean(lambda x: encoder.states(module.features(x), means)))
    learnt = encoder.readout(means[-1])
    if module.core is None:
        return learnt
    moments = mean(lambda x: module.core.lift(module.core_input(x)))
    return torch.cat([module.core.readout(moments), learnt], dim=-1)


def _check_smooth(module: SetModule) -> None:
    if not module.encoder.is_smooth:
        msg = (
            "An encoder that is smooth in the weights is required for standard errors, got "
            f'{type(module.encoder).__name__}. Fit with another `encoder`, such as "pooled_gnn".'
        )
        raise ValueError(msg)
