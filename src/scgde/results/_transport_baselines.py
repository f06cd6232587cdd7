"""Forecasts of the target cells of a pair that need no network."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from scgde.model._forecast_mixture import KnownPairs
from scgde.predictors import Kernel
from scgde.sets._pairs import GROUP, SOURCE, TARGET, covariate_names

if TYPE_CHECKING:
    import pandas as pd

    from scgde.results._fitted_sets import FittedSets

#: Training pairs whose targets stand for that of a pair with a source like theirs.
N_NEAREST = 5


@dataclass(frozen=True)
class TransportBaselines:
    """Forecasts for pairs, from their source cells and from training pairs of the same time and the same covariates.

    All in the coordinates in which the model measures distances between cells. Where no training pair is alike in time
    and covariates, all count.

    Attributes
    ----------
    fitted
        Cells of all sets.
    known, asked
        Training pairs, and those to forecast.
    n_cells
        Cells of a forecast that is made of target cells.
    """

    fitted: FittedSets
    known: pd.DataFrame
    asked: pd.DataFrame
    n_cells: int

    def forecasts(self, rng: np.random.Generator) -> dict[str, list[np.ndarray]]:
        """Cells ``(n, D)`` of each pair that is asked for, by name of the baseline."""
        ends = ((self._cells(row[SOURCE]), self._cells(row[TARGET])) for _, row in self.known.iterrows())
        known = KnownPairs.of(ends, self._covariates(self.known), rng, max_cells=self.n_cells)
        asked = list(zip(map(self._cells, self.asked[SOURCE]), self._covariates(self.asked), strict=True))
        alike = [np.flatnonzero(known.alike(row)) for _, row in asked]
        return {
            "pooled targets": [self._pooled(rows, rng) for rows in alike],
            "mean shift": [known.shifted(*one, rescale=False) for one in asked],
            "shift and scale": [known.shifted(*one, rescale=True) for one in asked],
            "nearest targets": [self._pooled(rows, rng) for rows in self._nearest(alike)],
            "kernel look-up": [known.targets(weights, self.n_cells, rng) for weights in self._weights()],
        }

    def _covariates(self, pairs: pd.DataFrame) -> np.ndarray:
        return pairs[covariate_names(self.known)].to_numpy(dtype=float)

    def _cells(self, name: str) -> np.ndarray:
        return self.fitted.ground(self.fitted.index.rows(self.fitted.rows_of(name, "pairs")[0]))

    @cached_property
    def _sources(self) -> tuple[np.ndarray, np.ndarray]:
        """Means of the sources of training pairs, and of those to forecast, ``(n, D)`` each."""
        return self._means(self.known[SOURCE]), self._means(self.asked[SOURCE])

    def _means(self, names: pd.Series) -> np.ndarray:
        """Of sets, shape ``(n, D)``; each is read once."""
        unique, position = np.unique(names.to_numpy(dtype=str), return_inverse=True)
        return np.stack([self._cells(name).mean(axis=0) for name in unique])[position]

    def _nearest(self, alike: list[np.ndarray]) -> list[np.ndarray]:
        """Of training pairs that are alike, those with the nearest sources."""
        known, asked = self._sources
        distances = [np.linalg.norm(known[rows] - mean, axis=1) for rows, mean in zip(alike, asked, strict=True)]
        order = [np.argsort(found, kind="stable")[:N_NEAREST] for found in distances]
        return [rows[first] for rows, first in zip(alike, order, strict=True)]

    def _pooled(self, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Cells of the targets of some training pairs, drawn evenly."""
        targets = self.fitted.rows_of(self.known[TARGET].iloc[rows].unique(), "pairs")
        cells = np.concatenate([self.fitted.index.rows(i) for i in targets])
        return self.fitted.ground(rng.choice(cells, min(self.n_cells, len(cells)), replace=False))

    def _weights(self) -> np.ndarray:
        """Weights of training pairs by a kernel regression on the means of the sources, shape ``(P, n)``."""
        if len(self.known) < 2:
            return np.ones((len(self.asked), len(self.known)))
        predictor, (known, asked) = Kernel(relative=False, residuals=False), self._sources
        targets = self._means(self.known[TARGET])
        groups = self.known[GROUP].to_numpy(dtype=str)
        predictor.fit(known, targets, covariates=self._covariates(self.known), groups=groups)
        return predictor.weights(predictor.fitted_scaling().inputs(asked, self._covariates(self.asked), None))
