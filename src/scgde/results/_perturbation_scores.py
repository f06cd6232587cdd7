"""Scores of predicted perturbations, arm by arm."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist

from scgde._progress import progress
from scgde.metrics import energy_distance
from scgde.metrics._effects import EFFECT_SCORES, Effect, discrimination
from scgde.sets._pairs import CONTEXT, PERTURBATION, SOURCE, TARGET
from scgde.sets._perturbations import parts_of
from scgde.stats import p_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scgde.data.representations import Representation
    from scgde.results._perturbation_study import PerturbationStudy

#: Arms that no prediction can be: the true mean, and the other half of the true cells.
ORACLE, CEILING, FLOOR = "oracle mean shift", "split half", "no effect"
ENERGY, RANKS = "energy", {"rank_l2": False, "rank_cosine": True}
HIGHER_IS_BETTER = {name: score.higher_is_better for name, score in EFFECT_SCORES.items()}
HIGHER_IS_BETTER |= {ENERGY: False} | dict.fromkeys(RANKS, True)
_N_PERMUTATIONS, _ALPHA = 99, 0.05


@dataclass
class Judge:
    """Scores cells that an arm predicts of held-out pairs.

    Attributes
    ----------
    study
        The held-out pairs.
    n_cells
        Cells of a set that are compared, at most.
    """

    study: PerturbationStudy
    n_cells: int

    def scores(self, row: int, predicted: np.ndarray, true: np.ndarray) -> dict[str, float]:
        """Every score of one prediction, both as cells ``(n, *shape)``."""
        pair, model = self.study.held_out.iloc[row], self.study.fitted.model
        kept = self._features_kept(pair[PERTURBATION])
        effect = Effect(
            self.features(predicted)[:, kept],
            self.features(true)[:, kept],
            self._controls[pair[SOURCE]][0][:, kept],
            self._controls[pair[SOURCE]][1][:, kept],
            self._center(pair[SOURCE])[kept],
        )
        scores = {name: score.function(effect) for name, score in EFFECT_SCORES.items()}
        others = self._others(pair[SOURCE], pair[TARGET])[:, kept]
        for name, cosine in RANKS.items():
            scores[name] = discrimination(effect.predicted_delta, effect.true_delta, others, cosine=cosine)
        clouds = (model.ground(self.some(part)) for part in (predicted, true))
        return scores | {ENERGY: energy_distance(*clouds, unbiased=True)}

    def truth(self, row: int) -> np.ndarray:
        """Cells of the target of a held-out pair."""
        return self.study.cells(self.study.held_out.iloc[row][TARGET])

    def some(self, cells: np.ndarray) -> np.ndarray:
        """At most ``n_cells`` of some cells, the same ones in every call."""
        if len(cells) <= self.n_cells:
            return cells
        return cells[np.random.default_rng(self.study.seed).permutation(len(cells))[: self.n_cells]]

    def p_of_effect(self, row: int) -> float:
        """p-value of the energy distance between control and perturbed cells."""
        pair, ground = self.study.held_out.iloc[row], self.study.fitted.model.ground
        x, y = (ground(self.some(part)) for part in (self.study.cells(pair[SOURCE]), self.truth(row)))
        return energy_test(x, y, np.random.default_rng(self.study.seed))

    def features(self, cells: np.ndarray) -> np.ndarray:
        """Genes, where the representation can be mapped back to them, else its own features, ``(n, G)``."""
        adata = self._representation.to_adata(cells, _blank(len(cells)), decode=self._decodes)
        return np.asarray(adata.X, dtype=float)

    @cached_property
    def _last(self) -> dict[tuple[str, str], np.ndarray]:
        return {}

    @property
    def _representation(self) -> Representation:
        return self.study.fitted.model.representations[1]

    @cached_property
    def _decodes(self) -> bool:
        try:
            self._representation.check_decodable()
        except ValueError:
            return False
        return True

    @cached_property
    def _names(self) -> np.ndarray:
        cells = self.study.cells(self.study.pairs[TARGET].iloc[0])[:1]
        return self._representation.to_adata(cells, _blank(1), decode=self._decodes).var_names.to_numpy()

    def _features_kept(self, perturbation: str) -> np.ndarray:
        """All but the perturbed genes themselves: their own change is no news."""
        return ~np.isin(self._names, parts_of(perturbation))

    @cached_property
    def _controls(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Features of both halves of each control."""
        halves = {
            name: (self.study.cells(name), self.study.fitted.observed(rows))
            for name, rows in self.study.other_half.items()
        }
        return {name: (self.features(first), self.features(second)) for name, (first, second) in halves.items()}

    @cached_property
    def _means(self) -> pd.DataFrame:
        """Mean of the features of every target, with the deltas to the other half of its control."""
        means = np.stack([self.features(self.study.cells(name)).mean(axis=0) for name in self.study.pairs[TARGET]])
        return pd.DataFrame(means, index=pd.Index(self.study.pairs[TARGET]))

    def _others(self, source: str, target: str) -> np.ndarray:
        """True effects of the other perturbations of a context, shape ``(n, G)``; those of the last question stay."""
        if (source, target) not in self._last:
            self._last.clear()
            self._last[source, target] = self._deltas(source, target)
        return self._last[source, target]

    def _deltas(self, source: str, target: str) -> np.ndarray:
        pairs = self.study.pairs
        names = pairs.loc[(pairs[SOURCE] == source) & (pairs[TARGET] != target), TARGET]
        return self._means.loc[names].to_numpy() - self._controls[source][1].mean(axis=0)

    def _center(self, source: str) -> np.ndarray:
        """Mean of perturbed training sets, of the same context where there are any."""
        known = self.study.known
        here = known.loc[known[SOURCE] == source, TARGET]
        return self._means.loc[here if len(here) else known[TARGET]].to_numpy().mean(axis=0)


def score_arms(judge: Judge, arms: dict[str, Sequence[np.ndarray | None]]) -> pd.DataFrame:
    """One row per arm, held-out pair and score.

    Parameters
    ----------
    judge
        What scores.
    arms
        Cells of each pair by name, None where an arm does not apply. The two that need the truth are added.
    """
    rows = []
    for row in progress(range(len(judge.study.held_out)), "Score", unit="perturbation"):
        true = judge.truth(row)
        here = {name: cells[row] for name, cells in arms.items()}
        scored = {name: judge.scores(row, cells, true) for name, cells in here.items() if cells is not None}
        scored |= _with_truth(judge, row, true)
        rows += [(row, arm, name, value) for arm, values in scored.items() for name, value in values.items()]
    table = pd.DataFrame(rows, columns=["row", "arm", "metric", "value"])
    facts = describe(judge)
    return facts.iloc[table["row"]].reset_index(drop=True).assign(**table.drop(columns="row"))


def describe(judge: Judge) -> pd.DataFrame:
    """What is known of each held-out pair: what of it is unseen, its size, and whether it has an effect."""
    study = judge.study
    pairs = study.held_out[[name for name in (PERTURBATION, CONTEXT) if name in study.held_out]].reset_index(drop=True)
    p = [judge.p_of_effect(row) for row in range(len(pairs))]
    unseen = [_unseen(study, study.held_out.iloc[row]) for row in range(len(pairs))]
    sizes = [len(judge.truth(row)) for row in range(len(pairs))]
    return pairs.assign(unseen=unseen, n_cells=sizes, p=p, responds=np.array(p) <= _ALPHA)


def energy_test(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> float:
    """p-value of the energy distance of two sets of cells under permutations of the cells."""
    both = np.concatenate([x, y])
    distances = cdist(both, both)
    labels = np.repeat([1 / len(x), -1 / len(y)], [len(x), len(y)])
    shuffled = np.stack([labels, *(rng.permutation(labels) for _ in range(_N_PERMUTATIONS))])
    statistics = -np.einsum("in,in->i", shuffled @ distances, shuffled)
    return p_value(float(statistics[0]), statistics[1:], exact=False)


def _with_truth(judge: Judge, row: int, true: np.ndarray) -> dict[str, dict[str, float]]:
    """Scores of the arms that know the truth: each half of the true cells is judged by the other one."""
    if len(true) < 4:
        return {}
    control, model = judge.study.cells(judge.study.held_out.iloc[row][SOURCE]), judge.study.fitted.model
    order = np.random.default_rng(judge.study.seed).permutation(len(true))
    halves = true[order[::2]], true[order[1::2]]
    of_oracle, of_half = [], []
    for known, judged in (halves, halves[::-1]):
        shift = model.ground(known).mean(axis=0) - model.ground(control).mean(axis=0)
        of_oracle.append(judge.scores(row, model.shift(control, shift), judged))
        of_half.append(judge.scores(row, known, judged))
    return {ORACLE: _mean(of_oracle), CEILING: _mean(of_half)}


def _mean(scores: list[dict[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([one[name] for one in scores])) for name in scores[0]}


def _unseen(study: PerturbationStudy, pair: pd.Series) -> str:
    """What a held-out pair has that no training pair has."""
    known = study.known
    if (known[PERTURBATION] == pair[PERTURBATION]).any():
        return "pair" if (known[SOURCE] == pair[SOURCE]).any() else "context"
    parts = parts_of(pair[PERTURBATION])
    seen = {part for name in known[PERTURBATION] for part in parts_of(name)}
    return "combination" if len(parts) > 1 and set(parts) <= seen else "perturbation"


def _blank(n: int) -> pd.DataFrame:
    return pd.DataFrame(index=pd.RangeIndex(n).astype(str))
