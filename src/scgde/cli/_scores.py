"""Scores of a fit next to baselines, whichever model it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from scgde import _keys, tl
from scgde.cli._fits import stored_config

if TYPE_CHECKING:
    from anndata import AnnData

#: Of each model: the column of its own cells, and that of the best that can be expected.
GENERATED, FORECAST = "generated", "forecast"
#: Metric of forecasts that a summary shows.
METRIC = "unbiased_energy"
#: No baselines: own cells, and bounds.
_OURS = (GENERATED, FORECAST, "true target", "source-conditioned", "split half", "floor")


class Scores(NamedTuple):
    """Scores of a fit.

    Parameters
    ----------
    title
        What was scored, and how to read it.
    own
        Row of ``means`` of the fit.
    means
        Mean and standard error over sets or pairs, one row per source of cells.
    table
        All scores.
    metric
        That of ``means``, where ``table`` has several.
    """

    title: str
    own: str
    means: pd.DataFrame
    table: pd.DataFrame
    metric: str | None = None

    def ranked(self) -> pd.DataFrame:
        """Means, from the lowest to the highest; the fit first, and what is no baseline last."""
        groups = {self.own: 0} | dict.fromkeys(set(_OURS) - {self.own}, 2)
        order = pd.DataFrame({"group": [groups.get(name, 1) for name in self.means.index], "mean": self.means["mean"]})
        return self.means.loc[order.sort_values(["group", "mean"]).index]

    def best_baseline(self) -> tuple[str, float]:
        """Name and mean of the strongest baseline."""
        means = self.means["mean"].drop(list(_OURS), errors="ignore")
        return str(means.idxmin()), float(means.min())


def score_fit(adata: AnnData, key: str, seed: int) -> Scores:
    """Scores on sets or pairs that the fit did not train on."""
    return SCORES[stored_config(adata, key)["class"]](adata, key, seed)


def _generation(adata: AnnData, key: str, seed: int) -> Scores:
    table = tl.score_generation(adata, key=key, seed=seed)
    title = f"Energy distance to unseen cells of {len(table)} sets (0 is best; floor: real cells)"
    return Scores(title, GENERATED, _means(table.drop(columns=["set", _keys.N_CELLS])), table)


def _transport(adata: AnnData, key: str, seed: int) -> Scores:
    table = tl.evaluate_transport(adata, key=key, seed=seed)
    wide = table[table["metric"] == METRIC].pivot_table(index=["source", "target"], columns="forecast", values="value")
    title = f"Energy distance to the target cells of {len(wide)} pairs (0 is best; split half: real cells)"
    return Scores(title, FORECAST, _means(wide[table["forecast"].unique()]), table, METRIC)


def _means(values: pd.DataFrame) -> pd.DataFrame:
    means = pd.DataFrame({"mean": values.mean(), "standard error": values.sem()})
    return means.rename_axis("cells")


#: By the class of the model.
SCORES = {"GDE": _generation, "TDE": _transport}
