"""Held-out perturbations with all that a prediction may use: training sets, and one half of the control cells."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd

from scgde import _keys
from scgde.data import SetIndex
from scgde.model._predictor_fit import ends_of, pair_covariates, perturbation_statistics
from scgde.results._perturbed import PerturbationModel
from scgde.sets._pairs import PERTURBATION, SOURCE

if TYPE_CHECKING:
    from scgde.model._base_tde import BaseTDE
    from scgde.results._fitted_sets import FittedSets


@dataclass(frozen=True)
class PerturbationStudy:
    """What is predicted, from what, and what it is compared with.

    Attributes
    ----------
    model
        The fit with half of the cells of each control, and predictors fitted to training pairs with these.
    pairs, held_out
        All pairs of the fit, and those that are predicted.
    other_half
        Rows of the data with the other control cells, by name of the control set: the truth is compared with these.
    """

    model: PerturbationModel
    pairs: pd.DataFrame
    held_out: pd.DataFrame
    other_half: dict[str, np.ndarray]
    seed: int

    @classmethod
    def of(cls, fitted: FittedSets[BaseTDE], pairs: pd.DataFrame, held_out: pd.DataFrame, *, seed: int) -> Self:
        """Divide the controls, and fit the predictors again, to training pairs that are not held out."""
        index, other_half = _halved(fitted, pairs[SOURCE].unique(), seed)
        halved = replace(fitted, cells=replace(fitted.cells, index=index))
        controls = fitted.cells.names.get_indexer(pd.Index(list(other_half)))
        embedding = np.array(fitted.embedding)
        embedding[controls] = fitted.model.embed_store(fitted.cells.encoder.store, index.take(controls))
        halved = replace(halved, embedding=embedding)
        known = pairs[(pairs[_keys.SPLIT] != "test").to_numpy() & ~pairs.index.isin(held_out.index)]
        return cls(_refitted(halved, known, seed), pairs, held_out, other_half, seed)

    @property
    def fitted(self) -> FittedSets[BaseTDE]:
        """The fit, with half of the control cells."""
        return self.model.fitted

    @property
    def known(self) -> pd.DataFrame:
        """Pairs that a prediction may use."""
        return self.model.known

    def rows(self, name: str) -> np.ndarray:
        """Rows of the data with the cells of a set: of a control, those of its first half."""
        return self.fitted.index.rows(self.fitted.rows_of(name, "pairs")[0])

    def cells(self, name: str) -> np.ndarray:
        """The same, cells ``(n, *shape)``."""
        return self.fitted.observed(self.rows(name))


def _halved(fitted: FittedSets[BaseTDE], controls: np.ndarray, seed: int) -> tuple[SetIndex, dict[str, np.ndarray]]:
    """Index with half of the cells of each control, and rows of the other half."""
    rng = np.random.default_rng(seed)
    rows = [fitted.index.rows(i) for i in range(fitted.index.n_sets)]
    others: dict[str, np.ndarray] = {}
    for name in controls:
        place = fitted.rows_of(name, "pairs")[0]
        order = rng.permutation(rows[place])
        _check_divisible(name, len(order))
        rows[place], others[name] = np.sort(order[::2]), np.sort(order[1::2])
    return SetIndex.from_rows(rows), others


def _check_divisible(name: str, n_cells: int) -> None:
    if n_cells < 4:
        msg = f"Controls of four cells or more are required, to be divided in halves, got {n_cells} in {name!r}."
        raise ValueError(msg)


def _refitted(fitted: FittedSets[BaseTDE], known: pd.DataFrame, seed: int) -> PerturbationModel:
    model = fitted.model
    assert model.predictor is not None
    ends, features = ends_of(fitted.cells, known), pair_covariates(model, known)
    groups = known[PERTURBATION].to_numpy(dtype=str)
    statistics = perturbation_statistics(model, fitted.cells, fitted.embedding, ends)
    predictors = [model.predictor.blank() for _ in statistics]
    for predictor, statistic in zip(predictors, statistics, strict=True):
        statistic.fit(predictor, ends, features, groups, seed)
    of_embedding, of_mean, of_shares = predictors
    return PerturbationModel(fitted, of_embedding, of_mean, of_shares, known)
