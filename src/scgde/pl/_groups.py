from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from matplotlib.collections import LineCollection

from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.pl._draw import (
    COLORS,
    GREY,
    INK,
    LEGEND_STYLE,
    as_categories,
    check_kinds,
    default_areas,
    draw_panels,
    draw_points,
    panel_titles,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd
    from matplotlib.axes import Axes

    from scgde.pl._draw import Palette

KINDS = ("sets", "null")


class Comparison(Protocol):
    """What is drawn of the result of :func:`scgde.tl.compare_groups`."""

    @property
    def statistic(self) -> float: ...
    @property
    def p_value(self) -> float: ...
    @property
    def effect_size(self) -> float: ...
    @property
    def n_permutations(self) -> int: ...
    @property
    def exact(self) -> bool: ...
    @property
    def n_sets(self) -> Mapping[str, int]: ...
    @property
    def null(self) -> np.ndarray: ...
    @property
    def coordinates(self) -> pd.DataFrame: ...


@checked_keywords
@shared_docs
def groups(
    comparison: Comparison,
    *,
    kinds: str | Sequence[str] = KINDS,
    palette: Palette | None = None,
    title: str | Sequence[str] | None = None,
    legend: bool = True,
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | Path | None = None,
) -> list[Axes] | None:
    """Test of whether groups of sets differ: the sets, and the null distribution.

    Parameters
    ----------
    comparison
        Result of :func:`scgde.tl.compare_groups`.
    kinds
        ``"sets"``: the sets in principal coordinates of the tested distances, without what blocks and pairs explain;
        the sets of a pair are joined. ``"null"``: the observed statistic, among those of permuted labels.
    palette
        Colours of the groups, as in :func:`scgde.pl.embedding`.
    title
        %(titles)s None: the p-value and the effect size.
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

    Examples
    --------
    >>> import scgde
    >>> result = scgde.tl.compare_groups(adata, "composition")
    >>> axes = scgde.pl.groups(result, show=False)
    """
    names = check_kinds(kinds, KINDS)
    titles = panel_titles(title, [_default_title(comparison, kind) for kind in names])
    draw = {
        "sets": partial(_draw_sets, comparison=comparison, palette=palette, legend=legend),
        "null": partial(_draw_null, comparison=comparison, legend=legend),
    }
    drawings = [draw[kind] for kind in names]
    return draw_panels(drawings, titles, size=(3.8, 3.4), max_columns=2, ax=ax, show=show, save=save)


def _default_title(comparison: Comparison, kind: str) -> str:
    if kind == "sets":
        return f"{sum(comparison.n_sets.values()):,} sets, effect size {comparison.effect_size:.2f}"
    n = f"{'all ' if comparison.exact else ''}{comparison.n_permutations:,} permutations"
    return f"p = {comparison.p_value:.2g} ({n})"


def _draw_sets(ax: Axes, comparison: Comparison, palette: Palette | None, *, legend: bool) -> None:
    table = comparison.coordinates
    points = table[["x", "y"]].to_numpy()
    if "pair" in table:
        lines = [part[["x", "y"]].to_numpy() for _, part in table.groupby("pair", observed=True)]
        ax.add_collection(LineCollection(lines, colors=GREY, linewidths=0.8, zorder=0.9))
    groups_of_sets = as_categories(table["group"], palette)
    names = [f"{name} ({comparison.n_sets.get(name, 0):,} sets)" for name in groups_of_sets.names]
    groups_of_sets = groups_of_sets._replace(names=names)
    draw_points(ax, points, default_areas(len(points)), groups_of_sets, cmap="viridis", legend=legend)
    ax.set(**dict(zip(("xlabel", "ylabel"), _axis_labels(table), strict=True)))
    ax.set_aspect("equal", adjustable="datalim")
    ax.locator_params(nbins=6)


def _axis_labels(coordinates: pd.DataFrame) -> list[str]:
    names = ["principal coordinate 1", "principal coordinate 2"]
    shares = coordinates.attrs.get("explained")
    return names if shares is None else [f"{name} ({share:.0%})" for name, share in zip(names, shares, strict=True)]


def _draw_null(ax: Axes, comparison: Comparison, *, legend: bool) -> None:
    null = comparison.null[np.isfinite(comparison.null)]
    ax.hist(null, bins=min(40, 1 + len(null) // 5), color=GREY, label="permutations")
    if np.isfinite(comparison.statistic):
        ax.axvline(comparison.statistic, color=COLORS[5], linewidth=1.6, label="observed")
    ax.set(xlabel="pseudo-F", ylabel="number of permutations")
    if legend:
        # Below the axes, where neither the bars nor the line can be.
        position: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.18), "ncols": 2}
        ax.legend(labelcolor=INK, **position, **LEGEND_STYLE)
