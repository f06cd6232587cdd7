"""Forecasts of the target cells of a pair that need no network."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scgde.predictors import Kernel
from scgde.predictors._mixture import systematic_draws
from scgde.sets._pairs import GROUP, SOURCE, TARGET, TIME_TO, covariate_names

if TYPE_CHECKING:
    from scgde.results._fitted_sets import FittedSets

#: Training pairs whose targets stand for that of a pair with a source like theirs.
N_NEAREST = 5
#: Smallest standard deviation that is divided by, relative to the mean over features.
_FLOOR = 1e-3


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
        pairs = range(len(self.asked))
        return {
            "pooled targets": [self._pooled(self._alike[i], rng) for i in pairs],
            "mean shift": [self._shifted(i, rescale=False) for i in pairs],
            "shift and scale": [self._shifted(i, rescale=True) for i in pairs],
            "nearest targets": [self._pooled(self._nearest(i), rng) for i in pairs],
            "kernel look-up": self._look_up(rng),
        }

    @cached_property
    def _alike(self) -> list[np.ndarray]:
        """Training pairs of the same time and covariates as each pair, shape ``(k,)``."""
        columns = [name for name in (TIME_TO, *covariate_names(self.known)) if name in self.known]
        values, asked = (table[columns].to_numpy(dtype=object) for table in (self.known, self.asked))
        same = [np.flatnonzero((values == row).all(axis=1)) for row in asked]
        return [rows if len(rows) else np.arange(len(self.known)) for rows in same]

    @cached_property
    def _moments(self) -> pd.DataFrame:
        """Mean and standard deviation of the features of every set that is needed, by name."""
        ends = pd.unique(np.concatenate([self.known[SOURCE], self.known[TARGET], self.asked[SOURCE]]))
        clouds = [self._cells(name) for name in ends]
        return pd.DataFrame([np.concatenate([x.mean(axis=0), x.std(axis=0)]) for x in clouds], index=ends)

    def _means(self, names: pd.Series) -> np.ndarray:
        values = self._moments.loc[names.to_numpy()].to_numpy()
        return values[:, : values.shape[1] // 2]

    def _sds(self, names: pd.Series) -> np.ndarray:
        values = self._moments.loc[names.to_numpy()].to_numpy()[:, self._moments.shape[1] // 2 :]
        return np.maximum(values, _FLOOR * max(values.mean(), np.finfo(float).tiny))

    def _cells(self, name: str) -> np.ndarray:
        return self.fitted.ground(self.fitted.index.rows(self.fitted.rows_of(name, "pairs")[0]))

    def _shifted(self, pair: int, *, rescale: bool) -> np.ndarray:
        """Source cells with the mean change of training pairs in mean and, if asked for, in log standard deviation."""
        known, source = self.known.iloc[self._alike[pair]], self.asked[SOURCE].iloc[[pair]]
        shift = (self._means(known[TARGET]) - self._means(known[SOURCE])).mean(axis=0)
        cells, mean = self._cells(source.iloc[0]), self._means(source)
        if rescale:
            ratio = np.log(self._sds(known[TARGET]) / self._sds(known[SOURCE])).mean(axis=0)
            cells = mean + (cells - mean) * np.exp(ratio)
        return cells + shift

    def _nearest(self, pair: int) -> np.ndarray:
        rows = self._alike[pair]
        difference = self._means(self.known[SOURCE].iloc[rows]) - self._means(self.asked[SOURCE].iloc[[pair]])
        return rows[np.argsort(np.linalg.norm(difference, axis=1), kind="stable")[:N_NEAREST]]

    def _pooled(self, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Cells of the targets of some training pairs, drawn evenly."""
        targets = self.fitted.rows_of(self.known[TARGET].iloc[rows].unique(), "pairs")
        cells = np.concatenate([self.fitted.index.rows(i) for i in targets])
        return self.fitted.ground(rng.choice(cells, min(self.n_cells, len(cells)), replace=False))

    def _look_up(self, rng: np.random.Generator) -> list[np.ndarray]:
        """Target cells, weighted by a kernel regression on the means of the sources."""
        if len(self.known) < 2:
            return [self._pooled(rows, rng) for rows in self._alike]
        predictor = Kernel(relative=False, residuals=False)
        names = covariate_names(self.known)
        groups = self.known[GROUP].to_numpy(dtype=str)
        ends = (self._means(self.known[end]) for end in (SOURCE, TARGET))
        predictor.fit(*ends, covariates=self.known[names].to_numpy(dtype=float), groups=groups)
        asked = self._means(self.asked[SOURCE]), self.asked[names].to_numpy(dtype=float)
        inputs = predictor.fitted_scaling().inputs(*asked, None)
        drawn = systematic_draws(predictor.weights(inputs), self.n_cells, rng)
        targets = self.fitted.rows_of(self.known[TARGET], "pairs")
        return [self._one_cell_each(targets[rows], rng) for rows in drawn]

    def _one_cell_each(self, sets: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A random cell of each of ``sets``, shape ``(n, D)``; none twice while others are left."""
        picked = []
        for set_, count in zip(*np.unique(sets, return_counts=True), strict=True):
            rows = self.fitted.index.rows(set_)
            picked.append(rng.choice(rows, min(count, len(rows)), replace=False))
        return self.fitted.ground(np.concatenate(picked))
