from __future__ import annotations

import warnings
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from scgde._checks import check_count
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.pl._draw import COLORS, INK, LEGEND_STYLE, check_kinds, draw_panels, panel_titles, shorten

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

KINDS = ("states", "features", "path")
_PARTS = ("composition", "shift", "dispersion")
#: More lines of the path than this are not distinguished by colour.
_MAX_LINES = 8
#: States with a row of their own; the smaller ones are added up.
_MAX_STATES = 12
#: Ratio of the distances of generated and of observed cells from which on the model does not explain a difference.
_EXPLAINED = 3.0


class Explanation(Protocol):
    """What is drawn of the result of :func:`scgde.tl.explain`."""

    @property
    def total(self) -> float: ...
    @property
    def floor(self) -> float: ...
    @property
    def states(self) -> pd.DataFrame: ...
    @property
    def features(self) -> pd.DataFrame: ...
    @property
    def path(self) -> pd.DataFrame: ...
    @property
    def sets(self) -> tuple[list[str], list[str]]: ...
    @property
    def names(self) -> tuple[str, str]: ...


@checked_keywords
@shared_docs
def explain(
    explanation: Explanation,
    *,
    kinds: str | Sequence[str] = KINDS,
    n_features: int = 12,
    names: tuple[str, str] | None = None,
    title: str | Sequence[str] | None = None,
    legend: bool = True,
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | Path | None = None,
) -> list[Axes] | None:
    """What the difference between two sets, or groups of sets, consists of.

    Parameters
    ----------
    explanation
        Result of :func:`scgde.tl.explain`.
    kinds
        ``"states"``: what each state contributes, the smallest together, and all together, with the floor, the distance
        between cells of one population. ``"features"``: the first features, with the parts
        of their own distance; a dot is the distance between generated cells. ``"path"``: means of the first features
        over cells generated along the path.
    n_features
        Features to draw; of the path eight at most.
    names
        Of the two sets or groups. None: the name of a set, the value that a group has, or ``a`` and ``b``.
    title
        %(titles)s
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
    %(returns_axes_per_kind)s

    Raises
    ------
    ValueError
        If a kind is unknown.

    Warns
    -----
    UserWarning
        If cells that the model generates differ much less, or much more, than those that were observed.

    Examples
    --------
    >>> import scgde
    >>> result = scgde.tl.explain(adata, "donor_00", "donor_01", state_key="cell_type")
    >>> axes = scgde.pl.explain(result, show=False)
    """
    _warn_unexplained(explanation)
    kinds = check_kinds(kinds, KINDS)
    n_features = check_count(n_features, "n_features")
    ends = _names_of_ends(explanation) if names is None else names
    total = f"{ends[0]} and {ends[1]}\nenergy distance {explanation.total:.3g}"
    default = {"states": total, "features": "features that differ most", "path": "generated cells between them"}
    titles = panel_titles(title, [default[kind] for kind in kinds])
    options: dict[str, Any] = {"explanation": explanation, "n_features": n_features, "legend": legend}
    draw = {
        "states": partial(_draw_parts, kind="states", **options),
        "features": partial(_draw_parts, kind="features", **options),
        "path": partial(_draw_path, ends=ends, **options),
    }
    drawings = [draw[kind] for kind in kinds]
    return draw_panels(drawings, titles, size=(3.6, 3.8), max_columns=3, ax=ax, show=show, save=save)


def _names_of_ends(explanation: Explanation) -> tuple[str, str]:
    a, b = map(_name_of_end, "ab", explanation.names, explanation.sets)
    return a, b


def _name_of_end(letter: str, name: str, sets: list[str]) -> str:
    """A set by its name; a group as it was asked for, or by a letter where sets were listed, with their number."""
    count = f"{len(sets)} sets"
    return shorten(name) if len(sets) == 1 else f"{letter if name == count else shorten(name)} ({count})"


def _warn_unexplained(explanation: Explanation) -> None:
    """Warn of a path that does not lead from one to the other; where nothing differs there is nothing to explain."""
    features = explanation.features
    observed, generated = float(features[list(_PARTS)].to_numpy().sum()), float(features["generated"].sum())
    is_like = 1 / _EXPLAINED < generated / max(observed, 1e-300) < _EXPLAINED
    if explanation.total > 2 * explanation.floor and not is_like:
        msg = (
            "The model does not explain this difference: summed over features, the energy distance of cells that it "
            f"generates is {generated:.3g}, that of observed cells {observed:.3g}. Read the observed parts alone, or "
            "fit longer."
        )
        warnings.warn(msg, UserWarning, stacklevel=4)


def _draw_parts(ax: Axes, explanation: Explanation, kind: str, n_features: int, *, legend: bool) -> None:
    table = _states_and_sum(explanation) if kind == "states" else explanation.features.head(n_features)
    rows = np.arange(len(table))
    _stack_bars(ax, table, rows)
    if kind == "features":
        ax.plot(table["generated"], rows, "o", color=INK, markersize=4, label="generated")
    else:
        # Of all states together, the first row.
        ax.plot(
            [explanation.floor] * 2,
            [-0.45, 0.45],
            color=INK,
            linewidth=1.2,
            linestyle=":",
            label="floor, one population",
        )
    ax.axvline(0, color=INK, linewidth=0.6)
    ax.set_yticks(rows, [str(name) for name in table.index])
    ax.invert_yaxis()
    ax.set_xlabel("part of the energy distance" if kind == "states" else "energy distance along the feature")
    if legend:
        position: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.4, -0.18), "ncols": 2}
        ax.legend(labelcolor=INK, **position, **LEGEND_STYLE)


def _states_and_sum(explanation: Explanation) -> pd.DataFrame:
    """The states, largest contribution first, after their sum."""
    table = explanation.states[list(_PARTS)]
    table = table.loc[table.sum(axis=1).abs().sort_values(ascending=False, kind="stable").index]
    if len(table) == 1:
        return table
    rows = [table.sum().to_frame("all").T, table[:_MAX_STATES]]
    others = table[_MAX_STATES:]
    if len(others):
        rows.append(others.sum().to_frame(f"{len(others)} others").T)
    return pd.concat(rows)


def _stack_bars(ax: Axes, table: pd.DataFrame, rows: np.ndarray) -> None:
    """Bars side by side: to the right of zero what adds, to the left what works against."""
    right, left = np.zeros(len(table)), np.zeros(len(table))
    for name, color in zip(_PARTS, COLORS, strict=False):
        values = table[name].to_numpy(dtype=float)
        start = np.where(values > 0, right, left)
        ax.barh(rows, values, left=start, height=0.7, color=color, label=name)
        right, left = right + values.clip(0), left + values.clip(max=0)


def _draw_path(ax: Axes, explanation: Explanation, n_features: int, *, ends: tuple[str, str], legend: bool) -> None:
    names = explanation.features.index[: min(n_features, _MAX_LINES)]
    for name, color in zip(names, COLORS, strict=False):
        ax.plot(explanation.path.index, explanation.path[name], color=color, linewidth=1.6, label=str(name))
    ax.set(xlabel=f"t, from {ends[0]} to {ends[1]}", ylabel="mean, in standard deviations", xlim=(0, 1))
    if legend:
        ax.legend(labelcolor=INK, loc="center left", bbox_to_anchor=(1, 0.5), **LEGEND_STYLE)
