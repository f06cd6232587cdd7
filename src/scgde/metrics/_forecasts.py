"""Distances between a forecast and the true cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scgde.metrics._pooled import pool
from scgde.metrics._registry import METRICS

if TYPE_CHECKING:
    from collections.abc import Callable

#: Scores by default; all others of ``METRICS`` may be asked for.
DEFAULT_SCORES = ("energy", "unbiased_energy", "mmd", "unbiased_mmd", "sliced_wasserstein")


@dataclass(frozen=True)
class ForecastScore:
    """A distance between two clouds of cells, as a score of forecasts."""

    distance: Callable[[np.ndarray, np.ndarray], float]
    is_unbiased: bool

    def __call__(self, forecast: np.ndarray, truth: np.ndarray, rng: np.random.Generator) -> float:
        """Score of a forecast; NaN where an unbiased score meets a single cell.

        Parameters
        ----------
        forecast
            Cells, shape ``(n, G)``, or those of a source transported to D draws of the target, shape ``(D, n, G)``.
        truth
            Shape ``(m, G)``.
        rng
            Random state.
        """
        if not self.is_unbiased:
            return self.distance(forecast.reshape(-1, forecast.shape[-1]), truth)
        if min(forecast.shape[-2], len(truth)) < 2:
            return np.nan
        clouds = one_draw_per_cell(forecast.reshape(-1, *forecast.shape[-2:]), rng)
        return float(np.mean([self.distance(cloud, truth) for cloud in clouds]))


def forecast_scores(names: list[str], truth: list[np.ndarray], seed: int) -> dict[str, ForecastScore]:
    """Scores of names in ``METRICS.forms``; all pairs share one kernel or blur, chosen by the true cells ``(m, G)``."""
    pooled, scores = pool(truth, seed=seed), {}
    for name in names:
        metric, is_unbiased = METRICS.form(name)
        scores[name] = ForecastScore(metric.prepare(pooled, unbiased=is_unbiased, seed=seed), is_unbiased)
    return scores


def one_draw_per_cell(forecast: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Clouds ``(D, n, G)`` in which every source cell comes once, transported to a draw of its own.

    Two copies of one source cell are not independent cells of the forecast: they start at the same point, and a
    statistic that counts them as a pair is biased, however many draws there are.
    """
    n_draws, n_cells = forecast.shape[:2]
    draw = rng.permuted(np.tile(np.arange(n_draws)[:, None], n_cells), axis=0)
    return forecast[draw, np.arange(n_cells)]
