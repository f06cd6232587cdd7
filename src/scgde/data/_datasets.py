from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.utils.data import Dataset

from scgde.data._cumulative import CumulativeTable
from scgde.data._sampling import Draw, Views, draw_views
from scgde.data._widths import width_classes
from scgde.nn.cells import Measure, SetBatch

if TYPE_CHECKING:
    from scgde.data._index import SetIndex


class BatchSpec(NamedTuple):
    """What one training step draws.

    Parameters
    ----------
    sets_per_batch
        Sets a step; unless weighted, each counts the same, however many cells it has.
    set_size
        Cells of each that the encoder sees.
    target_size
        Cells of each that the generator has to explain.
    disjoint
        Whether the two share no cell.
    n_mixed
        Sets that are mixed into one, 1 for none.
    mixing_alpha
        Concentration of the Dirichlet weights of a mixture.
    """

    sets_per_batch: int = 64
    set_size: int = 100
    target_size: int = 32
    disjoint: bool = True
    n_mixed: int = 1
    mixing_alpha: float = 1.0


class SetBatchDataset(Dataset):
    """Batches of sets, item i for step i: a function of the seed and the step, so that a fit can be resumed.

    Parameters
    ----------
    index
        All sets.
    sets
        The sets to draw from.
    spec
        Sizes of a batch.
    steps
        The steps served.
    seed
        Random seed.
    probabilities
        Of drawing each of ``sets``, of the same shape; uniform by default.
    covariates
        Encoded covariates by name, each with one value for every set of ``index``.
    """

    def __init__(
        self,
        index: SetIndex,
        sets: np.ndarray,
        spec: BatchSpec,
        *,
        steps: range,
        seed: int,
        probabilities: np.ndarray | None = None,
        covariates: dict[str, np.ndarray] | None = None,
    ) -> None:
        self._index, self._sets, self._spec, self._steps, self._seed = index, sets, spec, steps, seed
        self._table = None if probabilities is None else CumulativeTable(probabilities)
        self._covariates = covariates or {}

    def __len__(self) -> int:
        return len(self._steps)

    def __getitem__(self, item: int) -> SetBatch:
        step = self._steps[item]
        rng = np.random.default_rng([self._seed, step])
        sets = draw_sets(self._sets, self._spec.sets_per_batch, table=self._table, rng=rng)
        views = draw_mixed_views(self._index, sets, self._sets, self._spec, table=self._table, rng=rng)
        covariates = {name: torch.from_numpy(values[sets]) for name, values in self._covariates.items()}
        return as_batch(views, sets, step=step)._replace(covariates=covariates)


def draw_sets(
    sets: np.ndarray,
    size: int | tuple[int, int],
    *,
    table: CumulativeTable | None = None,
    rng: np.random.Generator,
) -> np.ndarray:
    """Array of ``size`` of ``sets`` with replacement, uniformly or with the probabilities of a ``table``."""
    return sets[rng.integers(len(sets), size=size) if table is None else table.draw(size, rng=rng)]


def draw_mixed_views(
    index: SetIndex,
    sets: np.ndarray,
    partners: np.ndarray,
    spec: BatchSpec,
    *,
    table: CumulativeTable | None = None,
    rng: np.random.Generator,
) -> Views:
    """Views of each of ``sets``, or of its mixture with ``n_mixed - 1`` random ``partners``.

    A mixture is a convex combination of weights: the slots are shared evenly, the mass by a Dirichlet draw.
    Partners are drawn as in :func:`draw_sets`.
    """
    n_mixed = spec.n_mixed
    others = draw_sets(partners, (len(sets), n_mixed - 1), table=table, rng=rng)
    parts = np.concatenate([sets[:, None], others], axis=1)
    views = draw_views(
        index,
        parts.ravel(),
        set_size=-(-spec.set_size // n_mixed),
        target_size=-(-spec.target_size // n_mixed),
        disjoint=spec.disjoint,
        rng=rng,
    )
    if n_mixed == 1:
        return views
    mass = rng.dirichlet(np.full(n_mixed, spec.mixing_alpha), size=len(sets)).astype(np.float32)
    return Views(*(_mix(view, mass) for view in views))


def _mix(draw: Draw, mass: np.ndarray) -> Draw:
    n_sets, n_mixed = mass.shape
    weights = draw.weights.reshape(n_sets, n_mixed, -1) * mass[:, :, None]
    return Draw(draw.rows.reshape(n_sets, -1), weights.reshape(n_sets, -1))


def as_batch(views: Views, sets: np.ndarray, *, step: int) -> SetBatch:
    """Batch of two views of ``sets``, whose cells are still row numbers, to be gathered on the device."""
    encoder, target = (Measure(torch.from_numpy(draw.rows), torch.from_numpy(draw.weights)) for draw in views)
    widths = width_classes(views.encoder.weights)
    return SetBatch(encoder, target, torch.from_numpy(sets), step, {}, widths=widths)
