"""How the cells of a fit are moved: what predicts training perturbations best that were left out."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scgde.metrics import energy_distance
from scgde.model._predictor_fit import ends_of, pair_covariates, perturbation_statistics
from scgde.results._journeys import MOVES, moved_cells, starting_rows
from scgde.results._perturbed import STARTS, Asked, PerturbationModel
from scgde.sets._pairs import PERTURBATION
from scgde.sets._perturbations import parts_of

if TYPE_CHECKING:
    import pandas as pd

    from scgde.model._base_tde import BaseTDE
    from scgde.model._predictor_fit import SetStatistic
    from scgde.results._fitted_sets import FittedSets

#: Parts of the pairs that are left out in turn, pairs at most, cells of a set at most.
_N_FOLDS, _MAX_PAIRS, _MAX_CELLS = 5, 60, 100
#: Fewer pairs that others say something of choose nothing.
_MIN_PAIRS = 4


class Choice(NamedTuple):
    """How cells are moved, and from where.

    Attributes
    ----------
    move, start
        Names in ``MOVES`` and ``STARTS``.
    losses
        Mean energy distance of each ``"move from start"`` over pairs that were left out; none where nothing could be.
    """

    move: str
    start: str
    losses: dict[str, float]


def choose_move(fitted: FittedSets[BaseTDE], pairs: pd.DataFrame, *, seed: int) -> Choice:
    """The move and the start with the lowest energy distance on training pairs that are left out.

    Parameters
    ----------
    fitted
        With a predictor of displacements.
    pairs
        Training pairs, all of them perturbations.
    seed
        Random seed of the folds, and of the cells that are compared.
    """
    rng = np.random.default_rng(seed)
    features = pair_covariates(fitted.model, pairs)
    usable = rng.permutation(np.flatnonzero(_told_by_others(features)))[:_MAX_PAIRS]
    if len(usable) < _MIN_PAIRS:
        return Choice(next(iter(MOVES)), STARTS[0], {})
    ends = ends_of(fitted.cells, pairs)
    statistics = perturbation_statistics(fitted.model, fitted.cells, fitted.embedding, ends)
    has_combinations = any(len(parts_of(name)) > 1 for name in pairs[PERTURBATION].iloc[usable])
    options = list(product(MOVES, STARTS if has_combinations else STARTS[:1]))
    total = np.zeros(len(options))
    for fold in range(_N_FOLDS):
        asked = usable[fold::_N_FOLDS]
        if len(asked) == 0:
            continue
        others = np.setdiff1d(np.arange(len(pairs)), asked)
        model = _refitted(fitted, pairs.iloc[others], statistics, ends[others], features[others], seed)
        total += [_loss(model, pairs.iloc[asked], ends[asked, 1], *option, rng) for option in options]
    losses = {
        f"{move} from {start}": float(value) for (move, start), value in zip(options, total / len(usable), strict=True)
    }
    return Choice(*options[int(np.argmin(total))], losses)


def _told_by_others(features: np.ndarray) -> np.ndarray:
    """Whether each feature of a pair that is not 0 is not 0 in another pair either, shape ``(n,)``."""
    some = features != 0
    return (~some | (some.sum(axis=0) > 1)).all(axis=1) & some.any(axis=1)


def _refitted(
    fitted: FittedSets[BaseTDE],
    pairs: pd.DataFrame,
    statistics: tuple[SetStatistic, ...],
    ends: np.ndarray,
    features: np.ndarray,
    seed: int,
) -> PerturbationModel:
    """The predictors fitted to some of the pairs."""
    assert fitted.model.predictor is not None
    blank = [fitted.model.predictor.blank() for _ in statistics]
    for predictor, statistic in zip(blank, statistics, strict=True):
        statistic.fit(predictor, ends, features, pairs[PERTURBATION].to_numpy(dtype=str), seed)
    of_embedding, of_mean, of_shares = blank
    return PerturbationModel(fitted, of_embedding, of_mean, of_shares, pairs)


def _loss(
    model: PerturbationModel, pairs: pd.DataFrame, target: np.ndarray, move: str, start: str, rng: np.random.Generator
) -> float:
    """Summed unbiased energy distance between moved cells and those of the targets."""
    fitted = model.fitted
    journeys = model.journeys(Asked.of_pairs(pairs, fitted.table.index), start=start)
    rows = starting_rows(fitted, journeys, [_some(fitted.index.rows(i), rng) for i in journeys.start], move)
    cells = moved_cells(fitted, journeys, rows, move)
    loss = 0.0
    for i, row in enumerate(target):
        moved = np.concatenate([cells[j] for j in np.flatnonzero(journeys.prediction == i)])
        truth = fitted.ground(_some(fitted.index.rows(row), rng))
        loss += energy_distance(fitted.model.ground(moved), truth, unbiased=True)
    return loss


def _some(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return rng.permutation(rows)[:_MAX_CELLS]
