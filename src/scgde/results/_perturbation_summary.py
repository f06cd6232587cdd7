"""What the scores of predicted perturbations amount to over perturbations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd

from scgde._summary import TableSummary
from scgde.results._perturbation_arms import BASELINES
from scgde.results._perturbation_scores import CEILING, FLOOR, HIGHER_IS_BETTER
from scgde.sets._pairs import CONTEXT, PERTURBATION

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, repr=False)
class PerturbationScores(TableSummary):
    """Scores of predictions of held-out perturbations, next to simple baselines.

    Attributes
    ----------
    scores
        One row per arm, perturbation (and context) and metric: ``value``; ``unseen``, what no training pair has: the
        ``"perturbation"``, the ``"combination"``, the ``"context"``, or only the ``"pair"`` of both; ``n_cells``; and
        the p-value ``p`` of an energy test between control and perturbed cells, by which it ``responds`` (0.05).
    summary
        By arm and metric, for all perturbations, those that respond and the ``"others"``: ``mean``, its standard error
        over perturbations ``se``, ``n``, and ``share``, the mean as share of the range from no effect (0) to the split
        half (1).
    differences
        Of predictions to the best baseline of each metric, paired: ``difference``, ``se`` over perturbations, ``n``.

    Examples
    --------
    >>> import scgde
    >>> scores = scgde.tl.evaluate_perturbations(screen)
    >>> table = scores.table("all")
    """

    scores: pd.DataFrame
    summary: pd.DataFrame
    differences: pd.DataFrame

    @classmethod
    def of(cls, scores: pd.DataFrame, arms: Sequence[str]) -> Self:
        """What scores amount to; ``arms`` are those that are compared to the baselines."""
        return cls(scores, summarize(scores), differences(scores, arms))

    def table(self, perturbations: str = "all") -> pd.DataFrame:
        """Means, one row per arm and one column per metric; of ``"all"``, ``"responding"`` or ``"others"``."""
        part = self.summary[self.summary["perturbations"] == perturbations]
        means = part.pivot_table(index="arm", columns="metric", values="mean", sort=False)
        return means.reindex(columns=part["metric"].unique())

    def to_frame(self) -> pd.DataFrame:
        """The ``summary``."""
        return self.summary

    @property
    def _title(self) -> str:
        return "PerturbationScores: are predictions of held-out perturbations better than simple baselines?"

    def _lines(self) -> dict[str, str]:
        pairs = self.scores.drop_duplicates(_pair_columns(self.scores))
        unseen = ", ".join(f"{n} of an unseen {what}" for what, n in pairs["unseen"].value_counts().items())
        held_out = f"{len(pairs)} pairs: {unseen}; {pairs['responds'].sum()} respond"
        gains, means = self.differences.query("perturbations == 'all'").drop_duplicates("metric"), self.table()
        return {
            "held out": held_out,
            **{gain["metric"]: _compared(gain, means[gain["metric"]]) for _, gain in gains.iterrows()},
            "more": "`table()` has every baseline, `differences` the paired ones with their standard errors",
        }


def _compared(gain: pd.Series, means: pd.Series) -> str:
    """Prediction, best baseline and limits of one metric, from the means of its arms."""
    limits = "".join(f", {name} {means[name]:.3g}" for name in (FLOOR, CEILING) if name in means)
    best = f"best baseline {means[gain['baseline']]:.3g} ({gain['baseline']})"
    return f"{means[gain['arm']]:.3g}, {best}{limits}"


def summarize(scores: pd.DataFrame) -> pd.DataFrame:
    """Mean of each score over perturbations by arm, for all, and for those with and without an effect.

    Columns ``mean``, ``se`` over perturbations, ``n``, and ``share``: 0 at the arm of no effect, 1 at the split half.
    """
    parts = [_summary(part).assign(perturbations=name) for name, part in _parts(scores)]
    return pd.concat(parts, ignore_index=True)


def differences(scores: pd.DataFrame, arms: Sequence[str]) -> pd.DataFrame:
    """Paired differences of arms to the best baseline, by score, with their standard error over perturbations.

    The best baseline is the one with the best mean over the same perturbations: to be level with it is to be level with
    a choice that nobody could have made before.
    """
    rows = []
    for part, table in _parts(scores):
        for metric, values in table.groupby("metric", sort=False):
            wide = values.pivot_table(index=_pair_columns(values), columns="arm", values="value", sort=False)
            best = _best_baseline(wide, str(metric))
            for arm in arms:
                if best is None or arm not in wide:
                    continue
                gain = (wide[arm] - wide[best]).dropna()
                row = {"perturbations": part, "arm": arm, "metric": metric, "baseline": best, "n": len(gain)}
                rows.append(row | {"difference": gain.mean(), "se": gain.sem() if len(gain) > 1 else np.nan})
    return pd.DataFrame(rows)


def _parts(scores: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    parts = {"all": scores, "responding": scores[scores["responds"]], "others": scores[~scores["responds"]]}
    return [(name, part) for name, part in parts.items() if len(part)]


def _summary(scores: pd.DataFrame) -> pd.DataFrame:
    table = scores.groupby(["arm", "metric"], sort=False)["value"].agg(mean="mean", se="sem", n="count").reset_index()
    wide = table.pivot_table(index="metric", columns="arm", values="mean")
    floor, ceiling = (table["metric"].map(wide[name]) if name in wide else np.nan for name in (FLOOR, CEILING))
    return table.assign(share=(table["mean"] - floor) / (ceiling - floor))


def _best_baseline(wide: pd.DataFrame, metric: str) -> str | None:
    means = wide[[name for name in BASELINES if name in wide and wide[name].notna().all()]].mean()
    if means.empty:
        return None
    return str(means.idxmax() if HIGHER_IS_BETTER[metric] else means.idxmin())


def _pair_columns(table: pd.DataFrame) -> list[str]:
    return [name for name in (PERTURBATION, CONTEXT) if name in table]
