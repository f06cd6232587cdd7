from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from scgde._checks import as_names
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.metrics._registry import label_of
from scgde.pl._draw import COLORS, GREY, INK, LEGEND_STYLE, draw_panels, panel_titles

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd
    from matplotlib.axes import Axes

#: Of every other method, a baseline.
BASELINE = "#8c8c8c"
#: Colour of methods by what they are. The floors are cells of the same population: no model is expected below them.
ROLES = {
    "model": (COLORS[0], ("generated", "forecast", "transport", "transport without target", "source-conditioned")),
    "model, given the true target": (COLORS[4], ("true target",)),
    "baseline": (BASELINE, ()),
    "floor": (INK, ("floor", "split half")),
}


@checked_keywords
@shared_docs
def scores(
    scores: pd.DataFrame,
    *,
    metrics: str | Sequence[str] | None = None,
    title: str | Sequence[str] | None = None,
    legend: bool = True,
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | Path | None = None,
) -> list[Axes] | None:
    """Scores of a model, its baselines and the floor, over held-out sets or pairs.

    One row per method, the lowest median first. A dot is a set or a pair, the large one their median, and the line
    reaches from the lower to the upper quartile. Lower is better; the floor, drawn on as a broken line, is the
    distance between two halves of the same set.

    Parameters
    ----------
    scores
        Result of :func:`scgde.tl.score_generation` or :func:`scgde.tl.evaluate_transport`. Join the tables of several
        fits to compare them.
    metrics
        Of those in the table, one per panel; all by default.
    title
        %(titles)s None: the number of sets or pairs.
    legend
        %(legend)s
    ax
        %(ax)s
    show
        %(show)s
    save
        %(save)s

    Returns
    -------
    One axes per metric; None if the figure was shown.

    Raises
    ------
    KeyError
        If the table has no such metric.
    ValueError
        If it is no table of scores.

    Examples
    --------
    >>> import pandas as pd
    >>> import scgde
    >>> table = pd.DataFrame({"set": ["a", "b"], "generated": [0.1, 0.2], "pooled": [0.5, 0.7], "floor": [0.0, 0.1]})
    >>> axes = scgde.pl.scores(table, show=False)
    >>> [text.get_text() for text in axes[0].get_yticklabels()]
    ['floor', 'generated', 'pooled']
    """
    unit, long = _long(scores)
    known = list(dict.fromkeys(long["metric"]))
    names = known if metrics is None else as_names(metrics)
    missing = [name for name in names if name not in known]
    if missing or not names:
        msg = f"`metrics` must be among those of the table, {known}, got {missing}."
        raise KeyError(msg)
    parts = [long[long["metric"] == name] for name in names]
    titles = panel_titles(title, [_default_title(part, unit) for part in parts])
    drawings = [partial(_draw, part=part, unit=unit, legend=legend and i == 0) for i, part in enumerate(parts)]
    n_methods = long["method"].nunique()
    return draw_panels(drawings, titles, size=(5.4, 1.5 + 0.27 * n_methods), max_columns=2, ax=ax, show=show, save=save)


def _long(table: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    """What a row of scores is about; and ``method``, ``metric``, ``value`` of each score."""
    if {"forecast", "metric", "value"} <= set(table):
        return "pair", table.rename(columns={"forecast": "method"})[["method", "metric", "value"]]
    if {"set", "generated"} <= set(table):
        numbers = table.drop(columns=["set", "n_cells"], errors="ignore").select_dtypes("number")
        return "set", numbers.melt(var_name="method").assign(metric="unbiased_energy")
    msg = (
        "`scores` must be a table of `scgde.tl.score_generation` or `scgde.tl.evaluate_transport`, "
        f"got columns {list(table)}."
    )
    raise ValueError(msg)


def _default_title(part: pd.DataFrame, unit: str) -> str:
    n = int(part.groupby("method")["value"].size().max())
    return f"{n:,} {unit}{'s' if n > 1 else ''}"


def _draw(ax: Axes, part: pd.DataFrame, unit: str, *, legend: bool) -> None:
    values = {str(name): column.dropna().to_numpy() for name, column in part.groupby("method")["value"]}
    values = {name: column for name, column in values.items() if len(column)}
    names = sorted(values, key=lambda name: np.median(values[name]))
    for row, name in enumerate(names):
        _draw_row(ax, row, values[name], _color(name))
    for name in set(ROLES["floor"][1]) & set(names):
        ax.axvline(np.median(values[name]), color=INK, linestyle="--", linewidth=0.9, zorder=0.5)
    ax.set_yticks(range(len(names)), names)
    ax.set(ylim=(len(names) - 0.5, -0.5), xlabel=f"{label_of(part['metric'].iloc[0])} (lower is better)")
    if legend:
        _add_legend(ax, names, unit)


def _draw_row(ax: Axes, row: int, values: np.ndarray, color: str) -> None:
    # The same places in every figure, above and below the line so that none hides it.
    height = 0.3 * np.random.default_rng(0).uniform(-1, 1, len(values))
    size = float(np.clip(600 / len(values), 4, 16))
    ax.scatter(values, row + height, s=size, color=color, alpha=0.45, linewidths=0, zorder=1)
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
    ax.plot([low, high], [row, row], color=color, linewidth=2.2, solid_capstyle="round", zorder=2)
    ax.scatter(median, row, s=48, color=color, edgecolors="white", linewidths=0.8, zorder=3)


def _color(name: str) -> str:
    return next((color for color, members in ROLES.values() if name in members), BASELINE)


def _add_legend(ax: Axes, names: list[str], unit: str) -> None:
    drawn = {_color(name) for name in names}
    for label, (color, _) in ROLES.items():
        if color in drawn:
            ax.plot([], [], color=color, marker="o", linewidth=2.2, label=label)
    ax.plot([], [], color=GREY, marker="o", markersize=3.5, linestyle="", label=f"one {unit}")
    position: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1, 0.5)}
    ax.legend(title="dot and line: median, quartiles", labelcolor=INK, **position, **LEGEND_STYLE)
