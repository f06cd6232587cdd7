"""Generated cells, and what simple descriptions of a set would generate, scored on cells that neither has seen."""

from __future__ import annotations

import warnings
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import pandas as pd

from scgde._progress import progress
from scgde.data import SetIndex
from scgde.metrics import energy_distance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scgde.data import CellSets
    from scgde.model._base_gde import BaseGDE
    from scgde.sets import SetSplit

    #: From cells ``(n, *shape)`` to their ground coordinates ``(n, D)``.
    Ground = Callable[[np.ndarray], np.ndarray]

#: Cells of a set that its mean is taken of, and that are scored in each half.
_MAX_CELLS_PER_SET = 2000

#: Columns of the scores, besides one for each baseline.
GENERATED, POOLED, MEAN_SD, NEAREST, FLOOR = "generated", "pooled", "mean_sd", "nearest", "floor"
#: Halves of fewer cells say next to nothing.
MIN_CELLS = 10
#: Validation sets that are compared, at most; sets below which halves count, and comparisons at least.
_MAX_COMPARED, _MIN_SETS, _MIN_COMPARISONS = 16, 4, 8
#: Cells that are generated of each for that comparison; images and sequences take longer, and have one baseline only.
_N_COMPARED, _N_COMPARED_NO_VECTORS = 300, 50


class TrainingCells(NamedTuple):
    """Some cells of training sets, in ground coordinates ``(n, D)``, and the position of the set of each, ``(n,)``."""

    cells: np.ndarray
    sets: np.ndarray


class TrainingSets(NamedTuple):
    """The sets that a model was trained on; their cells are read when they are asked for.

    Attributes
    ----------
    read
        From rows of cells ``(n,)`` to their ground coordinates ``(n, D)``.
    rows
        Random cells of all sets, shape ``(n,)``.
    sets
        Position of the set of each in ``means``, shape ``(n,)``.
    means
        Of the sets, shape ``(K, D)``.
    axes
        Principal axes of the means, shape ``(min(K, D), D)``.
    within, between
        Variance within sets, and of the means of sets beyond their sampling noise, shape ``(D,)``.
    """

    read: Callable[[np.ndarray], np.ndarray]
    rows: np.ndarray
    sets: np.ndarray
    means: np.ndarray
    axes: np.ndarray
    within: np.ndarray
    between: np.ndarray

    @classmethod
    def of(cls, ground: Ground, cells: CellSets, sets: np.ndarray, *, max_cells: int | None = None) -> Self:
        """Training sets ``sets`` of ``cells``, those that still have cells, and at most 2,000 of each by default."""

        def read(rows: np.ndarray) -> np.ndarray:
            return ground(cells.target.store.rows(rows))

        index = cells.index.take(sets[cells.index.sizes[sets] > 0]).first_cells(max_cells or _MAX_CELLS_PER_SET)
        rows = [index.rows(i) for i in range(index.n_sets)]
        means, squares = map(np.stack, zip(*(_mean_and_squares(read(of_set)) for of_set in rows), strict=True))
        axes = np.linalg.svd(means - means.mean(axis=0), full_matrices=False)[2]
        within = squares.sum(axis=0) / max(index.sizes.sum() - len(rows), 1)
        between = np.maximum(means.var(axis=0) - within * (1 / index.sizes).mean(), 0)
        positions = np.repeat(np.arange(len(rows)), index.sizes)
        return cls(read, np.concatenate(rows), positions, means, axes, within, between)

    def shrunken(self, mean: np.ndarray, n_cells: Any) -> np.ndarray:
        """Means ``(..., D)`` of ``n_cells`` cells each, shrunk to the average of all sets by their sampling noise."""
        total = self.between + self.within / n_cells
        share = np.divide(self.between, total, out=np.ones_like(total), where=total > 0)
        average = self.means.mean(axis=0)
        return average + share * (mean - average)

    def draw(self, n_cells: int, rng: np.random.Generator) -> TrainingCells:
        """At most so many of the cells."""
        chosen = rng.choice(len(self.rows), min(n_cells, len(self.rows)), replace=False)
        return TrainingCells(self.read(self.rows[chosen]), self.sets[chosen])

    def draw_of_set(self, position: int, n_cells: int, rng: np.random.Generator) -> np.ndarray:
        """At most so many cells of one set, shape ``(n, D)``."""
        own = self.rows[self.sets == position]
        return self.read(rng.choice(own, min(n_cells, len(own)), replace=False))

    def draw_nearest(self, seen: np.ndarray, n_cells: int, rng: np.random.Generator) -> np.ndarray:
        """At most so many cells of the set, of two cells or more, whose mean is nearest to that of cells ``(m, D)``."""
        square = np.square(self.means - seen.mean(axis=0)).sum(axis=1)
        is_alone = np.bincount(self.sets) < 2
        return self.draw_of_set(int(np.where(is_alone, np.inf, square).argmin()), n_cells, rng)


def _mean_and_squares(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean of the cells of a set ``(n, D)``, and the sum of squared deviations from it, shape ``(D,)`` each."""
    mean = cells.mean(axis=0)
    return mean, np.square(cells - mean).sum(axis=0)


def simple_descriptions(
    seen: np.ndarray, train: TrainingSets, *, n_cells: int, n_dims: int, rng: np.random.Generator
) -> Iterator[tuple[str, np.ndarray]]:
    """Cells as simple descriptions of a set generate them, one after the other: those of thousands of genes are large.

    Parameters
    ----------
    seen
        Cells of the set that are known, shape ``(m, D)``.
    train
        Training sets.
    n_cells
        Cells to draw, at most.
    n_dims
        Dimensions of the linear description.
    rng
        Random state.

    Yields
    ------
    Name of a description, and cells ``(n, D)``.
    """
    pooled = train.draw(n_cells, rng)
    mean = seen.mean(axis=0)
    yield POOLED, pooled.cells
    yield "mean", pooled.cells - pooled.cells.mean(axis=0) + mean
    yield MEAN_SD, in_frame_of(seen, pooled.cells)
    of_sets, sizes = train.means[pooled.sets], np.bincount(train.sets)[pooled.sets][:, None]
    yield "shrunken_mean", pooled.cells - train.shrunken(of_sets, sizes) + train.shrunken(mean, len(seen))
    yield "gaussian", _gaussian(seen, n_cells, rng)
    average, axes = train.means.mean(axis=0), train.axes[:n_dims]
    yield "linear", average + (mean - average) @ axes.T @ axes + (pooled.cells - of_sets)
    yield NEAREST, train.draw_nearest(seen, n_cells, rng)


def _real_cells(
    seen: np.ndarray, train: TrainingSets, n_cells: int, rng: np.random.Generator
) -> Iterator[tuple[str, np.ndarray]]:
    """The same of cells that are no vectors: cells that were observed."""
    yield POOLED, train.draw(n_cells, rng).cells
    yield NEAREST, train.draw_nearest(seen, n_cells, rng)


def in_frame_of(seen: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Cells ``(n, D)``, moved and stretched to the mean and the standard deviations of cells ``(m, D)``."""
    spread = cells.std(axis=0)
    return (cells - cells.mean(axis=0)) / np.where(spread > 0, spread, 1) * seen.std(axis=0) + seen.mean(axis=0)


def _gaussian(seen: np.ndarray, n_cells: int, rng: np.random.Generator) -> np.ndarray:
    deviations = (seen - seen.mean(axis=0)) / np.sqrt(len(seen))
    return seen.mean(axis=0) + rng.standard_normal((n_cells, len(seen))) @ deviations


def score_sets(
    model: BaseGDE,
    cells: CellSets,
    sets: np.ndarray,
    train: TrainingSets,
    *,
    batches: list[str | None] | None,
    n_cells: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Unbiased energy distance of cells of each description to the half of each set that was not seen.

    Parameters
    ----------
    model
        Trained.
    cells
        Cells in sets.
    sets
        Which sets, shape ``(S,)``.
    train
        Training sets.
    batches
        Batch of each, for a model that is conditioned on it.
    n_cells
        Cells to draw of each description.
    rng
        Random state.

    Returns
    -------
    One row per set, and a column for the model, each baseline, and the seen half itself. Cells that are not vectors
    have the baselines of real cells only: pooled, and of the nearest set.
    """
    parts = [halves(rng.permutation(cells.index.rows(i))[: 2 * _MAX_CELLS_PER_SET]) for i in sets]
    index = SetIndex.from_rows([seen for seen, _ in parts], weights=cells.index.weights)
    embedding = model.embed_store(cells.encoder.store, index)
    generated = model.generate(embedding, n_cells, batch=batches, seed=int(rng.integers(2**31)))
    is_vector, rows = cells.target.representation.spec.is_vector, []
    both = zip(parts, generated, strict=True)
    for (seen, unseen), drawn in progress(both, "Score", unit="set", total=len(parts)):
        known, truth = (model.ground(cells.target.store.rows(half)) for half in (seen, unseen))
        if is_vector:
            simple = simple_descriptions(known, train, n_cells=n_cells, n_dims=embedding.shape[1], rng=rng)
        else:
            simple = _real_cells(known, train, n_cells, rng)
        clouds = chain([(GENERATED, model.ground(drawn))], simple, [(FLOOR, known)])
        rows.append({name: _distance(cloud, truth) for name, cloud in clouds})
    return pd.DataFrame(rows)


def _distance(cells: np.ndarray, truth: np.ndarray) -> float:
    """Unbiased energy distance; NaN of a single cell, which says nothing of distances within."""
    return energy_distance(cells, truth, unbiased=True) if len(cells) > 1 else np.nan


def halves(rows: np.ndarray) -> list[np.ndarray]:
    """Rows of both halves of a set."""
    return np.array_split(rows, [len(rows) // 2])


def warn_of_better_baselines(
    model: BaseGDE, cells: CellSets, split: SetSplit, *, batches: pd.Series | None = None, seed: int
) -> None:
    """Warn where a simple description generates cells of the validation sets better than the model.

    Parameters
    ----------
    model
        Trained.
    cells
        Cells in sets.
    split
        Which of them it was trained on, and which validate.
    batches
        Batch of each set by name, for a model that is conditioned on it.
    seed
        Random seed.

    Warns
    -----
    UserWarning
        If the difference is larger than twice its standard error: over validation sets, or over halves of them where
        there are fewer than four, which says less of other sets. Without validation sets of 10 cells nothing is
        compared.
    """
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(split.validation[cells.index.sizes[split.validation] >= MIN_CELLS])[:_MAX_COMPARED]
    if len(chosen) == 0:
        return
    names = None if batches is None else batches.reindex(cells.names[chosen])
    of_sets = None if names is None else names.where(names.notna(), None).tolist()
    train = TrainingSets.of(model.ground, cells, split.train)
    n_repeats = -(-_MIN_COMPARISONS // len(chosen))
    n_cells = _N_COMPARED if cells.target.representation.spec.is_vector else _N_COMPARED_NO_VECTORS
    scores = pd.concat(
        [score_sets(model, cells, chosen, train, batches=of_sets, n_cells=n_cells, rng=rng) for _ in range(n_repeats)]
    )
    if len(chosen) >= _MIN_SETS:
        # Halves of one set agree with each other: they count as one.
        scores = scores.groupby(level=0).mean()
    excess = scores.drop(columns=[GENERATED, FLOOR]).rsub(scores[GENERATED], axis=0)
    is_better = excess.mean() > 2 * excess.sem()
    if is_better.any():
        best = scores[is_better.index[is_better]].mean().idxmin()
        msg = (
            f"A simple description of a set, {best!r}, generates cells of {_validated(cells.names[chosen], n_repeats)} "
            f"better than this fit: energy distance {scores[best].mean():.3g}, against {scores[GENERATED].mean():.3g}. "
            "More sets or other options may help; `scgde.tl.score_generation` compares all baselines."
        )
        warnings.warn(msg, stacklevel=4)


def _validated(names: pd.Index, n_repeats: int) -> str:
    """Which sets were compared: all that there are to judge by, where they are few."""
    if len(names) >= _MIN_SETS:
        return f"the {len(names)} validation sets"
    sets = "the only validation set" if len(names) == 1 else f"the {len(names)} validation sets"
    return f"{sets}, {', '.join(map(repr, names.tolist()))}, halved {n_repeats} times,"
