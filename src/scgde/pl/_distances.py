from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

from scgde import _keys
from scgde._checks import as_names, check_one_of
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.metrics._registry import label_of
from scgde.pl._draw import (
    GREY,
    INK,
    LEGEND_STYLE,
    panels,
    save_or_show,
    set_title,
    shorten_distinctly,
    stored_colors,
    strip_of,
    table_column,
    widen_for_legends,
)
from scgde.sets._entries import read_entries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

    from scgde.pl._draw import Palette, Strip

METHODS = ("average", "complete", "single", "ward")
#: More names than this are too small to read.
MAX_LABELS = 60
#: More sets than this are not put in the best order within the tree, which takes the square of them and more.
MAX_ORDERED = 600
#: Widths of what lies to the right of the map, in shares of its own.
_TREE, _STRIP, _GAP = 0.12, 0.028, 0.012
_UNITS = dict.fromkeys(("noise_corrected", "embedding", "standard_error"), "units of the embedding")


@checked_keywords
@shared_docs
def distances(
    adata: AnnData,
    *,
    metric: str = "noise_corrected",
    key: str = "gde",
    annotate_keys: str | Sequence[str] = (),
    method: str = "average",
    labels: bool | None = None,
    palette: Palette | None = None,
    cmap: str = "viridis",
    title: str | None = None,
    legend: bool = True,
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | Path | None = None,
) -> Axes | None:
    """Map of the distances between all sets, those that are alike side by side.

    Parameters
    ----------
    adata
        With :func:`scgde.tl.distances` run.
    metric
        Which of its results.
    key
        %(key)s
    annotate_keys
        Columns of the set table, each a strip of colours next to the map.
    method
        Of the hierarchical clustering that gives the order: ``"average"``, ``"complete"``, ``"single"`` or ``"ward"``.
    labels
        Whether to write the names of the sets. None: where there are at most 60.
    palette
        %(palette)s
    cmap
        Colour map of distances; what is near is dark.
    title
        %(title)s None: the number of sets.
    legend
        Whether to draw the colour bar and the legends of the strips.
    ax
        %(ax)s
    show
        %(show)s
    save
        %(save)s

    Returns
    -------
    %(returns_axes)s Distances that are missing are grey.

    Raises
    ------
    KeyError
        If these distances were not computed, or the set table lacks a column.
    ValueError
        If ``method`` is unknown, or there are fewer than two sets.

    Examples
    --------
    >>> import scgde
    >>> table = scgde.tl.distances(adata, metric="embedding")
    >>> axes = scgde.pl.distances(adata, metric="embedding", annotate_keys=["composition", "batch"], show=False)
    """
    content = read_entries(adata, key, entry=_keys.DISTANCES, made_by="scgde.tl.distances")
    check_one_of(method, "method", METHODS)
    table: pd.DataFrame = content[_keys.SETS]
    square = _stored_distances(content[_keys.DISTANCES], metric)
    columns = [table_column(table, name, "annotate_keys") for name in as_names(annotate_keys)]
    strips = [strip_of(c, stored_colors(adata, c) if palette is None else palette) for c in columns]
    tree = _cluster(square, method)
    order = hierarchy.leaves_list(tree)

    (main,) = panels(1, ax=ax, size=(5.4, 4.6), max_columns=1)
    with_missing = mpl.colormaps[cmap].with_extremes(bad=GREY)
    image = main.imshow(square[np.ix_(order, order)], cmap=with_missing, interpolation="nearest")
    main.set(xticks=[], yticks=[])
    main.spines[:].set_visible(False)
    set_title(main, f"{len(order):,} sets" if title is None else title)
    _draw_strips(main, strips, order)
    _draw_tree(main, tree, order, left=1 + _GAP + len(strips) * (_STRIP + _GAP))
    if labels or (labels is None and len(order) <= MAX_LABELS):
        _write_names(main, [str(table.index[i]) for i in order])
    if legend:
        _add_legend(main, image, _meaning(metric, content.get(_keys.PARAMS, {})), strips)
    if ax is None:
        widen_for_legends([main])
    return main if save_or_show([main], own=ax is None, show=show, save=save) else None


def _stored_distances(found: Mapping[str, np.ndarray], metric: str) -> np.ndarray:
    if metric not in found:
        msg = f"`metric` must be among what `scgde.tl.distances` computed, {list(found)}, got {metric!r}."
        raise KeyError(msg)
    square = np.asarray(found[metric], dtype=float)
    if len(square) < 2:
        msg = f"Two sets or more are required for a map of distances, got {len(square)}."
        raise ValueError(msg)
    return square


def _cluster(square: np.ndarray, method: str) -> np.ndarray:
    """Hierarchical clustering; a set without distances is far from all others."""
    known = np.isfinite(square)
    filled = np.where(known, square, 1.1 * square[known].max(initial=0))
    np.fill_diagonal(filled, 0)
    condensed = squareform(filled, checks=False).clip(0)
    return hierarchy.linkage(condensed, method=method, optimal_ordering=len(square) <= MAX_ORDERED)


def _draw_strips(ax: Axes, strips: list[Strip], order: np.ndarray) -> None:
    for i, strip in enumerate(strips):
        left = 1 + _GAP + i * (_STRIP + _GAP)
        strip_ax = ax.inset_axes((left, 0, _STRIP, 1))
        strip_ax.imshow(strip.colors[order][:, None], aspect="auto", interpolation="nearest")
        strip_ax.set(yticks=[], xticks=[0])
        strip_ax.set_xticklabels([strip.name], rotation=90, fontsize="small", color=INK)
        strip_ax.tick_params(length=0, pad=2)
        strip_ax.spines[:].set_visible(False)


def _draw_tree(ax: Axes, tree: np.ndarray, order: np.ndarray, *, left: float) -> None:
    n = len(order)
    position, height = np.empty(2 * n - 1), np.zeros(2 * n - 1)
    position[order] = np.arange(n)
    brackets = np.empty((n - 1, 4, 2))
    for i, (a, b, merged, _) in enumerate(tree):
        a, b = int(a), int(b)
        position[n + i], height[n + i] = (position[a] + position[b]) / 2, merged
        ends = [height[a], merged, merged, height[b]]
        brackets[i] = np.stack([ends, [position[a], position[a], position[b], position[b]]], axis=1)
    tree_ax = ax.inset_axes((left, 0, _TREE, 1))
    tree_ax.add_collection(LineCollection(list(brackets), colors=INK, linewidths=np.clip(60 / n, 0.3, 0.8)))
    tree_ax.set(xlim=(0, height.max() * 1.02 + 1e-12), ylim=ax.get_ylim())
    tree_ax.set_axis_off()


def _write_names(ax: Axes, names: list[str]) -> None:
    ax.set_yticks(range(len(names)), shorten_distinctly(names))
    ax.tick_params(axis="y", length=0, labelsize=float(np.clip(270 / len(names), 4, 8)), labelcolor=INK)


def _add_legend(ax: Axes, image: AxesImage, meaning: str, strips: list[Strip]) -> None:
    bar = ax.figure.colorbar(image, cax=ax.inset_axes((0, -0.05, 1, 0.025)), orientation="horizontal")
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=INK, labelsize="small", length=3)
    bar.set_label(meaning, fontsize="small", color=INK)
    handles = [handle for strip in strips for handle in strip.handles()]
    if np.ma.is_masked(image.get_array()):
        handles.append(Line2D([], [], linestyle="", marker="s", color=GREY, label="no distance"))
    if handles:
        left = 1 + _GAP + len(strips) * (_STRIP + _GAP) + _TREE
        box = ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(left, 1), borderaxespad=0, **LEGEND_STYLE)
        for text, handle in zip(box.get_texts(), handles, strict=True):
            text.set_fontweight("normal" if handle.get_marker() == "s" else "bold")


def _meaning(metric: str, params: Mapping[str, Any]) -> str:
    is_isometric = metric in ("embedding", "noise_corrected") and float(params.get("isometry", 0)) > 0
    label = "Wasserstein-2, from embeddings" if is_isometric else label_of(metric)
    unit = "units of the features" if is_isometric else _UNITS.get(metric)
    return label if unit is None else f"{label} ({unit})"
