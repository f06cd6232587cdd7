"""Distances between a forecast and the true cells."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial.distance import pdist

from scgde import metrics

if TYPE_CHECKING:
    from collections.abc import Callable

METRICS = ("energy", "unbiased_energy", "mmd", "unbiased_mmd", "sliced_wasserstein")
#: Cells by which the kernel is chosen, the same for all pairs.
_POOLED = 2000


@dataclass(frozen=True)
class Measure:
    """A distance between two clouds of cells, as a score of forecasts."""

    distance: Callable[[np.ndarray, np.ndarray], float]
    is_unbiased: bool

    def __call__(self, forecast: np.ndarray, truth: np.ndarray, rng: np.random.Generator) -> float:
        """Score of a forecast; NaN where its cells, or the true ones, are too few for it.

        Parameters
        ----------
        forecast
            Cells, shape ``(n, G)``, or those of a source moved to D draws, shape ``(D, n, G)``.
        truth
            Shape ``(m, G)``.
        rng
            Random state.
        """
        if not self.is_unbiased:
            return self.distance(forecast.reshape(-1, forecast.shape[-1]), truth)
        if min(forecast.shape[-2], len(truth)) < 2:
            return np.nan
        clouds = apart(forecast.reshape(-1, *forecast.shape[-2:]), rng)
        return float(np.mean([self.distance(cloud, truth) for cloud in clouds]))


def measures(names: list[str], truth: list[np.ndarray], seed: int) -> dict[str, Measure]:
    """The measures of these names; all pairs share one kernel, chosen by their true cells."""
    pooled = np.concatenate(truth)
    if len(pooled) > _POOLED:
        pooled = np.random.default_rng(seed).choice(pooled, _POOLED, replace=False)
    mmd = partial(metrics.mmd, bandwidth=float(np.median(pdist(pooled))) or 1.0)
    known = {
        "energy": Measure(metrics.energy_distance, is_unbiased=False),
        "unbiased_energy": Measure(partial(metrics.energy_distance, unbiased=True), is_unbiased=True),
        "mmd": Measure(mmd, is_unbiased=False),
        "unbiased_mmd": Measure(partial(mmd, unbiased=True), is_unbiased=True),
        "sliced_wasserstein": Measure(partial(metrics.sliced_wasserstein, seed=seed), is_unbiased=False),
    }
    return {name: known[name] for name in names}


def apart(forecast: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Clouds ``(D, n, G)`` in which every source cell comes once, moved to a draw of its own.

    Two copies of one source cell are no two cells of the forecast: they start at the same place, and a statistic that
    counts them as a pair is biased, however many draws there are.
    """
    n_draws, n_cells = forecast.shape[:2]
    draw = rng.permuted(np.tile(np.arange(n_draws)[:, None], n_cells), axis=0)
    return forecast[draw, np.arange(n_cells)]
