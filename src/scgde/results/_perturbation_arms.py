"""Predictions of a held-out perturbation: simple baselines, the fit, and what no prediction can know."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from scgde.model._predictor_fit import ends_of, mean_statistic
from scgde.predictors import make_predictor
from scgde.results._journeys import moved_cells, starting_rows
from scgde.results._perturbed import Asked
from scgde.sets._pairs import DOSE, PERTURBATION, SOURCE, TARGET
from scgde.sets._perturbations import ConditionFeatures, parts_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from scgde.results._moved_counts import MovedCounts
    from scgde.results._perturbation_study import PerturbationStudy


@dataclass
class Question:
    """One held-out pair: what the arms are asked.

    Attributes
    ----------
    study
        All training pairs.
    pair
        The row of the table of pairs.
    effects
        Mean effects of the training pairs.
    """

    study: PerturbationStudy
    pair: pd.Series
    effects: Effects

    @property
    def perturbation(self) -> str:
        return str(self.pair[PERTURBATION])

    @cached_property
    def control(self) -> np.ndarray:
        """Control cells of the context, its first half."""
        return self.study.cells(self.pair[SOURCE])

    @cached_property
    def parts(self) -> list[str]:
        return parts_of(self.perturbation)

    def shifted(self, by: np.ndarray | None) -> np.ndarray | None:
        """The control cells, shifted; None where the effect is not known."""
        return None if by is None else self.study.fitted.model.shift(self.control, by)


class Effects:
    """Mean effects of training pairs, in ground coordinates."""

    def __init__(self, study: PerturbationStudy) -> None:
        self.study, self.known = study, study.known
        ends = ends_of(study.fitted.cells, self.known)
        self.statistic = mean_statistic(study.fitted.model, study.fitted.cells, _all_ends(study))
        self.values = self.statistic.value[ends[:, 1]] - self.statistic.value[ends[:, 0]]
        self._ends = ends

    def of(self, perturbation: str, source: str) -> np.ndarray | None:
        """Effect in a context, else the mean over the others; None where it was seen nowhere."""
        same = (self.known[PERTURBATION] == perturbation).to_numpy()
        here = same & (self.known[SOURCE] == source).to_numpy()
        rows = here if here.any() else same
        return self.values[rows].mean(axis=0) if rows.any() else None

    def mean(self, source: str) -> np.ndarray:
        """Mean effect in a context, else over all."""
        here = (self.known[SOURCE] == source).to_numpy()
        return self.values[here if here.any() else slice(None)].mean(axis=0)

    def elsewhere(self, perturbation: str, source: str, *, nearest: bool) -> np.ndarray | None:
        """Effect of the same perturbation in other contexts: the one with the nearest control, or their mean."""
        rows = np.flatnonzero(((self.known[PERTURBATION] == perturbation) & (self.known[SOURCE] != source)).to_numpy())
        if len(rows) == 0:
            return None
        if nearest:
            own = self.statistic.value[self.study.fitted.rows_of(source, "pairs")[0]]
            distance = np.linalg.norm(self.statistic.value[self._ends[rows, 0]] - own, axis=1)
            rows = rows[[int(distance.argmin())]]
        return self.values[rows].mean(axis=0)

    def predicted(self, name: str, conditions: ConditionFeatures, pair: pd.Series) -> np.ndarray:
        """Effect by a predictor of means on features of perturbations; each is fitted once."""
        place = (name, id(conditions))
        if place not in self._fitted:
            doses = self.known[DOSE].to_numpy(dtype=float) if DOSE in self.known else 1.0
            features = conditions.rows(self.known[PERTURBATION].tolist(), doses)
            predictor = make_predictor(name, None)
            assert predictor is not None
            self.statistic.fit(predictor, self._ends, features, self.known[PERTURBATION].to_numpy(dtype=str), 0)
            self._fitted[place] = predictor
        features = conditions.rows([pair[PERTURBATION]], float(pair.get(DOSE, 1.0)))
        source = self.statistic.value[self.study.fitted.rows_of(pair[SOURCE], "pairs")]
        return self._fitted[place].displacement(source, covariates=features)[0]

    @cached_property
    def _fitted(self) -> dict:
        return {}

    @cached_property
    def one_hot(self) -> ConditionFeatures:
        """A feature for each single perturbation."""
        return ConditionFeatures.one_hot(self.study.pairs[PERTURBATION].tolist())


def _all_ends(study: PerturbationStudy) -> np.ndarray:
    known = ends_of(study.fitted.cells, study.known)
    asked = ends_of(study.fitted.cells, study.held_out)[:, 0]
    return np.concatenate([known.ravel(), asked])


def _no_effect(q: Question) -> np.ndarray | None:
    return q.control


def _mean_effect(q: Question) -> np.ndarray | None:
    return q.shifted(q.effects.mean(q.pair[SOURCE]))


def _known_parts(q: Question) -> list[np.ndarray]:
    effects = [q.effects.of(part, q.pair[SOURCE]) for part in q.parts]
    return [effect for effect in effects if effect is not None]


def _matching_mean(q: Question) -> np.ndarray | None:
    known = _known_parts(q)
    return q.shifted(np.mean(known, axis=0) if known else q.effects.mean(q.pair[SOURCE]))


def _additive(q: Question) -> np.ndarray | None:
    known = _known_parts(q)
    return q.shifted(np.sum(known, axis=0)) if known else q.control


def _seen_here(q: Question, part: str) -> np.ndarray | None:
    """Cells of a single perturbation in the same context."""
    known = q.study.known
    names = known.loc[(known[PERTURBATION] == part) & (known[SOURCE] == q.pair[SOURCE]), TARGET]
    return q.study.cells(names.iloc[0]) if len(names) else None


def _stronger_single(q: Question) -> np.ndarray | None:
    effects = {part: q.effects.of(part, q.pair[SOURCE]) for part in q.parts}
    sizes = {part: float(np.linalg.norm(effect)) for part, effect in effects.items() if effect is not None}
    if not sizes:
        return q.control
    part = max(sizes, key=lambda name: sizes[name])
    cells = _seen_here(q, part)
    return q.shifted(effects[part]) if cells is None else cells


def _moved_single(q: Question) -> np.ndarray | None:
    if len(q.parts) < 2:
        return None
    moved = []
    for part in q.parts:
        others = [q.effects.of(other, q.pair[SOURCE]) for other in q.parts if other != part]
        cells, effects = _seen_here(q, part), [effect for effect in others if effect is not None]
        if cells is not None and effects:
            moved.append(q.study.fitted.model.shift(cells, np.sum(effects, axis=0)))
    return np.concatenate(moved) if moved else None


def _ridge_one_hot(q: Question) -> np.ndarray | None:
    return q.shifted(q.effects.predicted("effect_ridge", q.effects.one_hot, q.pair))


def _shrunken_additive(q: Question) -> np.ndarray | None:
    return q.shifted(q.effects.predicted("additive", q.effects.one_hot, q.pair))


def _ridge_features(q: Question) -> np.ndarray | None:
    conditions = q.study.fitted.model.conditions
    assert conditions is not None
    if conditions.names == conditions.columns:
        return None
    return q.shifted(q.effects.predicted("effect_ridge", conditions, q.pair))


def _nearest_context(q: Question) -> np.ndarray | None:
    return q.shifted(q.effects.elsewhere(q.perturbation, q.pair[SOURCE], nearest=True))


def _other_contexts(q: Question) -> np.ndarray | None:
    return q.shifted(q.effects.elsewhere(q.perturbation, q.pair[SOURCE], nearest=False))


#: Simple predictions by name: cells, or None where the arm does not apply.
BASELINES: dict[str, Callable[[Question], np.ndarray | None]] = {
    "no effect": _no_effect,
    "mean effect": _mean_effect,
    "matching mean": _matching_mean,
    "additive": _additive,
    "shrunken additive": _shrunken_additive,
    "stronger single": _stronger_single,
    "moved single": _moved_single,
    "ridge, one-hot": _ridge_one_hot,
    "ridge, features": _ridge_features,
    "same perturbation, nearest context": _nearest_context,
    "same perturbation, other contexts": _other_contexts,
}


def predicted_cells(
    study: PerturbationStudy, *, move: str, start: str, counts: MovedCounts | None = None
) -> list[np.ndarray]:
    """Cells of each held-out pair as the fit predicts them; with ``counts``, their components where these are moved."""
    asked = Asked.of_pairs(study.held_out, study.fitted.table.index)
    journeys = study.model.journeys(asked, start=start)
    rows = starting_rows(study.fitted, journeys, [study.fitted.index.rows(i) for i in journeys.start], move)
    cells = moved_cells(study.fitted, journeys, rows, move, seed=study.seed)
    if counts is not None:
        cells = counts.components_at(rows, [study.fitted.observed(part) for part in rows], cells, seed=study.seed)
    parts = [np.flatnonzero(journeys.prediction == i) for i in range(len(study.held_out))]
    return [np.concatenate([cells[j] for j in part]) for part in parts]
