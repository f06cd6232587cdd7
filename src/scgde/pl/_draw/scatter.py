from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_hex
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from scgde.pl._draw.colors import MAX_LEGEND, Categories
from scgde.pl._draw.figure import COLORS, GREY, INK, LEGEND_STYLE, set_title
from scgde.pl._draw.labels import shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.transforms import Bbox

    from scgde.pl._draw.colors import Values

#: Area from which a white rim separates points that overlap; on smaller ones it would be most of the ink.
SMALLEST_WITH_RIM = 15
_LABEL_STYLE: dict[str, Any] = {"ha": "center", "fontsize": "x-small", "color": INK}
#: More rows of a legend than this go side by side.
MAX_ROWS = 12


def draw_points(
    ax: Axes,
    points: np.ndarray,
    areas: np.ndarray,
    values: Values | None,
    *,
    cmap: str,
    legend: bool,
) -> None:
    """Draw points coloured by their values, and the legend or colour bar next to the axes.

    Parameters
    ----------
    points
        Shape ``(n, 2)``.
    areas
        In square points, shape ``(n,)``.
    values
        Of each point. None: one colour for all.
    """
    if values is None:
        _scatter(ax, points, areas, np.full(len(points), COLORS[0]))
    elif isinstance(values, Categories):
        _draw_categories(ax, points, areas, values, legend=legend)
    else:
        _draw_numbers(ax, points, areas, values, cmap=cmap, legend=legend)


def add_area_legend(ax: Axes, name: str, values: np.ndarray, areas: np.ndarray) -> None:
    """Legend below the axes with the smallest, the middle and the largest point."""
    order = np.argsort(values, kind="stable")[: np.isfinite(values).sum()]
    picked = {values[i]: areas[i] for i in order[[0, len(order) // 2, -1]]}
    handles = [_legend_entry(f"{value:,g}", INK, area) for value, area in picked.items()]
    box = Legend(
        ax,
        handles,
        [str(handle.get_label()) for handle in handles],
        title=name,
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        borderaxespad=4,  # below the label of the axis
        ncols=len(handles),
        **LEGEND_STYLE,
    )
    ax.add_artist(box)
    box.set_clip_on(False)


def _draw_numbers(
    ax: Axes, points: np.ndarray, areas: np.ndarray, values: np.ndarray, *, cmap: str, legend: bool
) -> None:
    known = np.isfinite(values)
    low, high = (values[known].min(), values[known].max()) if known.any() else (0.0, 0.0)
    colors = ScalarMappable(Normalize(low, high), cmap)
    _scatter(ax, points[~known], areas[~known], np.full((~known).sum(), GREY))
    _scatter(ax, points[known], areas[known], colors.to_rgba(values[known]))
    if not legend:
        return
    handles = [_legend_entry("NA", GREY)] if not known.all() else []
    if low < high:
        _add_color_bar(ax, colors)
    elif known.any():
        handles = [_legend_entry(f"{low:g}", to_hex(colors.cmap(0.0))), *handles]
    if handles:
        corner: dict[str, Any] = {"loc": "lower right", "bbox_to_anchor": (1, 1), "borderaxespad": 0}
        ax.legend(handles=handles, ncols=2, **corner, **LEGEND_STYLE)


def _add_color_bar(ax: Axes, colors: ScalarMappable) -> None:
    bar = ax.figure.colorbar(colors, ax=ax, shrink=0.7, aspect=18, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=INK, labelsize="small", length=3)


def _draw_categories(ax: Axes, points: np.ndarray, areas: np.ndarray, categories: Categories, *, legend: bool) -> None:
    known = categories.codes >= 0
    _scatter(ax, points[~known], areas[~known], np.full((~known).sum(), GREY))
    _scatter(ax, points[known], areas[known], np.array(categories.colors)[categories.codes[known]])
    if len(categories.names) > MAX_LEGEND and legend:
        n_named = _label_categories(ax, points, categories)
        set_title(ax, f"{ax.get_title('left')}\n{len(categories.names)} categories, {n_named} named")
    elif legend:
        handles = _legend_entries(categories)
        n_columns = -(-len(handles) // MAX_ROWS)
        ax.legend(handles=handles, loc="center left", bbox_to_anchor=(1, 0.5), ncols=n_columns, **LEGEND_STYLE)


def _label_categories(ax: Axes, points: np.ndarray, categories: Categories) -> int:
    """Name categories at one of their points, the largest first, as far as names do not overlap; how many it named."""
    figure: Any = ax.figure
    texts = []
    for code in np.argsort(-np.bincount(categories.codes[categories.codes >= 0]), kind="stable"):
        inside = points[categories.codes == code]
        if len(inside):
            center = inside[np.square(inside - np.median(inside, axis=0)).sum(axis=1).argmin()]
            text = ax.annotate(
                shorten(categories.names[code]), center, (0, 4), textcoords="offset points", **_LABEL_STYLE
            )
            text.set_path_effects([withStroke(linewidth=2, foreground="white", alpha=0.8)])
            texts.append(text)
    figure.draw_without_rendering()
    boxes: list[Bbox] = []
    for text in texts:
        box = text.get_window_extent()
        if box.count_overlaps(boxes):
            text.remove()
        else:
            boxes.append(box)
    return len(boxes)


def _legend_entries(categories: Categories) -> list[Line2D]:
    handles = [_legend_entry(name, color) for name, color in zip(categories.names, categories.colors, strict=True)]
    return handles + ([_legend_entry("NA", GREY)] if (categories.codes < 0).any() else [])


def _legend_entry(name: str, color: str, area: float = 40) -> Line2D:
    size, label = np.sqrt(area), shorten(name)
    return Line2D([], [], linestyle="", marker="o", color=color, markersize=size, mew=0, label=label)


def _scatter(ax: Axes, points: np.ndarray, areas: np.ndarray, colors: np.ndarray) -> None:
    if not len(points):
        return
    # Small points over large ones, so that none is hidden.
    order = np.argsort(-areas, kind="stable")
    x, y = points[order].T
    rims = np.where(areas[order] < SMALLEST_WITH_RIM, 0, 0.4).tolist()
    ax.scatter(x, y, s=areas[order], c=colors[order], linewidths=rims, edgecolors="white")
