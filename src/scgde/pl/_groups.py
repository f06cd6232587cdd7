from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.collections import LineCollection

from scgde.pl._figure import COLORS, GREY, INK, SMALL_PRINT, check_kinds, draw_panels, headings
from scgde.pl._points import draw_points

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from scgde.pl._colors import Palette

KINDS = ("sets", "null")


def groups(
    comparison: Any,
    *,
    kinds: str | Sequence[str] = KINDS,
    palette: Palette | None = None,
    title: str | Sequence[str] | None = None,
    legend: bool = True,
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | Path | None = None,
) -> list[Axes] | None:
    """What a test of groups of sets has seen.

    Parameters
    ----------
    comparison
        Of :func:`scgde.tl.compare_groups`.
    kinds
        ``"sets"``: the sets along the two axes with most of the tested dispersion, without what blocks and pairs
        explain; the sets of a pair are joined. ``"null"``: the statistic, among those of permuted labels.
    palette
        Colours of the groups, as in :func:`scgde.pl.embedding`.
    title
        One per panel. None: the p-value and the effect size.
    legend
        Whether to draw it.
    ax
        Axes to draw in, for one kind.
    show
        Show the figure and return None. None: if `ax` is not given and matplotlib is interactive, as it is in
        a notebook.
    save
        File to write the figure to, format by ending. The figure is then closed, unless `ax` is given.

    Returns
    -------
    One axes per kind; None if the figure was shown.

    Raises
    ------
    ValueError
        If a kind is unknown.
    """
    names = check_kinds(kinds, KINDS)
    titles = headings(title, [_title(comparison, kind) for kind in names])
    draw = {
        "sets": partial(_draw_sets, comparison=comparison, palette=palette, legend=legend),
        "null": partial(_draw_null, comparison=comparison, legend=legend),
    }
    drawings = [draw[kind] for kind in names]
    return draw_panels(drawings, titles, size=(3.8, 3.4), max_columns=2, ax=ax, show=show, save=save)


def _title(comparison: Any, kind: str) -> str:
    if kind == "sets":
        return f"{sum(comparison.n_sets.values()):,} sets, effect size {comparison.effect_size:.2f}"
    return (
        f"p = {comparison.p_value:.2g}, {'all' if comparison.exact else 'of'} {comparison.n_permutations:,} labellings"
    )


def _draw_sets(ax: Axes, comparison: Any, palette: Palette | None, *, legend: bool) -> None:
    table = comparison.coordinates
    points = table[["x", "y"]].to_numpy()
    if "pair" in table:
        lines = [part[["x", "y"]].to_numpy() for _, part in table.groupby("pair", observed=True)]
        ax.add_collection(LineCollection(lines, colors=GREY, linewidths=0.8, zorder=0.9))
    areas = np.full(len(points), np.clip(5000 / len(points), 8, 50))
    draw_points(ax, points, areas, table["group"], palette=palette, cmap="viridis", legend=legend)
    ax.set(xlabel="first axis", ylabel="second axis")
    ax.set_aspect("equal", adjustable="datalim")
    ax.locator_params(nbins=6)


def _draw_null(ax: Axes, comparison: Any, *, legend: bool) -> None:
    null = comparison.null[np.isfinite(comparison.null)]
    ax.hist(null, bins=min(40, 1 + len(null) // 5), color=GREY, label="permuted labels")
    if np.isfinite(comparison.statistic):
        ax.axvline(comparison.statistic, color=COLORS[5], linewidth=1.6, label="labels as they are")
    ax.set(xlabel="pseudo-F", ylabel="labellings")
    if legend:
        # In the way of neither the bars nor the line, wherever these are.
        place: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.18), "ncols": 2}
        ax.legend(labelcolor=INK, **place, **SMALL_PRINT)
