"""What a fit predicts of perturbations in a context: displacements of embedding and mean, and sets to start from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from scgde import _keys
from scgde.results._journeys import Journeys
from scgde.sets._columns import SEPARATOR
from scgde.sets._pairs import CONTROL, DOSE, PERTURBATION, SOURCE, TARGET
from scgde.sets._perturbations import parts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scgde.model._base_tde import BaseTDE
    from scgde.predictors import Predictor
    from scgde.results._fitted_sets import FittedSets

#: Entry of ``fitted_on`` of a model of perturbations.
PERTURBATIONS = "perturbations"
#: Where the cells come from: those of the control, or, for a combination, of its parts that were observed there.
STARTS = ("control", "parts")


@dataclass(frozen=True)
class Asked:
    """Perturbations in contexts.

    Attributes
    ----------
    perturbation
        Names, combinations as ``"A+B"``, shape ``(P,)``.
    source
        Row of the control in the set table, shape ``(P,)``.
    dose
        Shape ``(P,)``.
    """

    perturbation: list[str]
    source: np.ndarray
    dose: np.ndarray

    @classmethod
    def of_pairs(cls, pairs: pd.DataFrame, names: pd.Index) -> Self:
        """The pairs of a fit, as questions."""
        dose = pairs[DOSE].to_numpy(dtype=float) if DOSE in pairs else np.ones(len(pairs))
        return cls(pairs[PERTURBATION].tolist(), names.get_indexer(pd.Index(pairs[SOURCE])), dose)


@dataclass(frozen=True)
class PerturbationModel:
    """A fit and its predictors of displacements, with the observed singles that a combination may start from.

    Attributes
    ----------
    fitted
        The fit, with its cells.
    predictor, mean_predictor, share_predictor
        Of embeddings, of means, and of logarithms of shares of states.
    known
        Training pairs.
    """

    fitted: FittedSets[BaseTDE]
    predictor: Predictor
    mean_predictor: Predictor
    share_predictor: Predictor
    known: pd.DataFrame

    @property
    def chosen(self) -> dict[str, Any]:
        """What the fit chose by training pairs: ``move``, ``start``, and the typical ``displacement``."""
        return (self.fitted.model.fitted_on or {})[PERTURBATIONS]

    def journeys(self, asked: Asked, *, start: str) -> Journeys:
        """Where the cells of which sets go."""
        embedding, mean, log_ratio, still = self.predicted(asked)
        starts = [self._starts(asked, i) if start == "parts" else [asked.source[i]] for i in range(len(still))]
        starts = [[asked.source[i]] if still[i] else rows for i, rows in enumerate(starts)]
        prediction = np.repeat(np.arange(len(still)), [len(rows) for rows in starts])
        rows = np.array([row for rows in starts for row in rows], dtype=int)
        ratio = log_ratio[prediction] + self.log_shares(asked.source[prediction]) - self.log_shares(rows)
        return Journeys(prediction, rows, embedding[prediction], mean[prediction], ratio, still[prediction])

    def predicted(self, asked: Asked) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Embedding and mean of each target, log ratios of its shares to those of the control, and what is not known.

        Shapes ``(P, E)``, ``(P, D)``, ``(P, K)`` and, True where nothing is known, ``(P,)``.
        """
        conditions = self.fitted.model.conditions
        assert conditions is not None
        features = conditions.rows(asked.perturbation, asked.dose)
        z, means = self.fitted.embedding[asked.source], self.means(asked.source)
        of_z = self.predictor.displacement(z, covariates=features)
        of_mean = self.mean_predictor.displacement(means, covariates=features)
        of_shares = self.share_predictor.displacement(self.log_shares(asked.source), covariates=features)
        still = np.logical_not(of_z.any(axis=1) | of_mean.any(axis=1) | of_shares.any(axis=1))
        return z + of_z, means + of_mean, of_shares, np.asarray(still)

    def means(self, sets: np.ndarray) -> np.ndarray:
        """Mean of the cells of each of some sets in ground coordinates, shape ``(n, D)``."""
        unique, inverse = np.unique(sets, return_inverse=True)
        return np.stack([self.fitted.ground(self.fitted.index.rows(i)).mean(axis=0) for i in unique])[inverse]

    def log_shares(self, sets: np.ndarray) -> np.ndarray:
        """Logarithms of the shares of states in some sets, shape ``(n, K)``."""
        states = self.fitted.model.states
        assert states is not None
        unique, inverse = np.unique(sets, return_inverse=True)
        shares = [states.log_shares(self.fitted.ground(self.fitted.index.rows(i)))[0] for i in unique]
        return np.stack(shares)[inverse]

    def _starts(self, asked: Asked, i: int) -> list[int]:
        """Rows of the parts of a combination that were observed in its context; else that of the control."""
        parts = parts_of(asked.perturbation[i])
        source = self.fitted.table.index[asked.source[i]]
        here = self.known[(self.known[SOURCE] == source) & self.known[PERTURBATION].isin(parts)]
        names = here[TARGET].tolist() if len(parts) > 1 else []
        return self.fitted.table.index.get_indexer(pd.Index(names)).tolist() or [int(asked.source[i])]


def perturbation_model(fitted: FittedSets[BaseTDE], pairs: pd.DataFrame | None) -> PerturbationModel:
    """The model of perturbations in a fit; ``pairs`` are those of the fit, None of embedded sets.

    Raises
    ------
    RuntimeError
        If it was not fitted on perturbations, or has no predictor.
    """
    model = fitted.model
    if model.conditions is None or model.predictor is None or model.mean_predictor is None:
        msg = (
            "A fit on perturbations with a predictor is required, got another. "
            "Fit with `scgde.tl.fit_tde(adata, groupby, pairs=scgde.pp.perturbation_pairs(...))`."
        )
        raise RuntimeError(msg)
    if model.share_predictor is None:
        msg = (
            "Predictors of a fit on perturbations must tell of shares of states, those of an older version do not. "
            "Call `scgde.tl.fit_predictor(adata)`."
        )
        raise RuntimeError(msg)
    known = pd.DataFrame({name: [] for name in (SOURCE, TARGET, PERTURBATION)}) if pairs is None else pairs
    if _keys.SPLIT in known:
        known = known[(known[_keys.SPLIT] != "test").to_numpy()]
    return PerturbationModel(fitted, model.predictor, model.mean_predictor, model.share_predictor, known)


def control_sets(fitted: FittedSets[BaseTDE], context: str | Sequence[str] | None) -> np.ndarray:
    """Rows of the control sets of some contexts, by default of all that have one.

    Raises
    ------
    KeyError
        If a context has no control.
    """
    known = (fitted.model.fitted_on or {})[PERTURBATIONS]
    found = contexts_of(fitted, known[CONTROL])
    names = list(found) if context is None else [context] if isinstance(context, str) else list(context)
    missing = [name for name in names if name not in found]
    if missing or not names:
        msg = (
            f"`context` must name contexts with cells of the control {known[CONTROL]!r}, got {missing or context}. "
            f"Contexts: {list(found)[:10]}."
        )
        raise KeyError(msg)
    return np.array([found[name] for name in names])


def contexts_of(fitted: FittedSets[BaseTDE], control: str) -> dict[str, int]:
    """Row of the control set of each context that has cells of it; without contexts its name is empty."""
    found = {}
    for row, name in enumerate(fitted.table.index):
        context, _, last = str(name).rpartition(SEPARATOR)
        if last == control and fitted.index.sizes[row] > 0:
            found[context] = row
    return found
