from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

from scgde import _keys
from scgde._checks import check_one_of, check_set_table
from scgde.metrics._registry import label_of
from scgde.pl._embedding import _column, _stored_colors
from scgde.pl._figure import GREY, INK, SMALL_PRINT, finish, make_room, panels
from scgde.pl._points import MAX_NAME, shortened
from scgde.pl._strips import Strip, strip_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes

    from scgde.pl._colors import Palette

METHODS = ("average", "complete", "single", "ward")
#: More names than this are not read.
MAX_LABELS = 60
#: More sets than this are not put in the best order within the tree, which takes the square of them and more.
MAX_ORDERED = 600
#: What lies right of the map, in shares of its width.
_TREE, _STRIP, _GAP = 0.12, 0.028, 0.012


def distances(
    adata: AnnData,
    *,
    metric: str = "embedding",
    key: str = "gde",
    annotate: str | Sequence[str] = (),
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
        Of the fit in ``adata.uns``.
    annotate
        Columns of the set table, each a strip of colours beside the map.
    method
        Of the hierarchical clustering that gives the order: ``"average"``, ``"complete"``, ``"single"`` or ``"ward"``.
    labels
        Whether to write the names of the sets. None: where there are at most 60.
    palette
        Colours of categories, as in :func:`scgde.pl.embedding`.
    cmap
        Colour map of distances; what is near is dark.
    title
        Of the figure.
    legend
        Whether to draw the colour bar and the legends of the strips.
    ax
        Axes to draw in.
    show
        Show the figure and return None. None: if `ax` is not given and matplotlib is interactive, as it is in
        a notebook.
    save
        File to write the figure to, format by ending. The figure is then closed, unless `ax` is given.

    Returns
    -------
    The axes of the map; None if the figure was shown. Distances that are missing are grey.

    Raises
    ------
    KeyError
        If these distances were not computed, or the set table lacks a column.
    ValueError
        If ``method`` is unknown, or there are fewer than two sets.
    """
    check_set_table(adata.uns, key, entry=_keys.DISTANCES, made_by="scgde.tl.distances")
    check_one_of(method, "method", METHODS)
    table: pd.DataFrame = adata.uns[key][_keys.SETS]
    square = _stored(adata.uns[key][_keys.DISTANCES], metric)
    columns = [_column(table, name, "annotate") for name in ([annotate] if isinstance(annotate, str) else annotate)]
    strips = [strip_of(c, _stored_colors(adata, c) if palette is None else palette) for c in columns]
    tree = _tree(square, method)
    order = hierarchy.leaves_list(tree)

    (main,) = panels(1, ax=ax, size=(5.4, 4.6), max_columns=1)
    with_missing = mpl.colormaps[cmap].with_extremes(bad=GREY)
    image = main.imshow(square[np.ix_(order, order)], cmap=with_missing, interpolation="nearest")
    _frame(main, title)
    _draw_strips(main, strips, order)
    _draw_tree(main, tree, order, left=1 + _GAP + len(strips) * (_STRIP + _GAP))
    if labels or (labels is None and len(order) <= MAX_LABELS):
        _write_names(main, [str(table.index[i]) for i in order])
    if legend:
        _explain(main, image, _meaning(metric, adata.uns[key].get(_keys.PARAMS, {})), strips)
    if ax is None:
        make_room([main])
    return main if finish([main], own=ax is None, show=show, save=save) else None


def _stored(found: Any, metric: str) -> np.ndarray:
    if metric not in found:
        msg = f"`metric` must be among what `scgde.tl.distances` computed, {list(found)}, got {metric!r}."
        raise KeyError(msg)
    square = np.asarray(found[metric], dtype=float)
    if len(square) < 2:
        msg = f"Two sets or more are required for a map of distances, got {len(square)}."
        raise ValueError(msg)
    return square


def _tree(square: np.ndarray, method: str) -> np.ndarray:
    """Hierarchical clustering; a set without distances is far from all others."""
    known = np.isfinite(square)
    filled = np.where(known, square, 1.1 * square[known].max(initial=0))
    np.fill_diagonal(filled, 0)
    condensed = squareform(filled, checks=False).clip(0)
    return hierarchy.linkage(condensed, method=method, optimal_ordering=len(square) <= MAX_ORDERED)


def _frame(ax: Axes, title: str | None) -> None:
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    if title is not None:
        ax.set_title(title, loc="left", fontsize="medium")


def _draw_strips(ax: Axes, strips: list[Strip], order: np.ndarray) -> None:
    for i, strip in enumerate(strips):
        left = 1 + _GAP + i * (_STRIP + _GAP)
        beside = ax.inset_axes((left, 0, _STRIP, 1))
        beside.imshow(strip.colors[order][:, None], aspect="auto", interpolation="nearest")
        beside.set(yticks=[], xticks=[0])
        beside.set_xticklabels([strip.name], rotation=90, fontsize="small", color=INK)
        beside.tick_params(length=0, pad=2)
        beside.spines[:].set_visible(False)


def _draw_tree(ax: Axes, tree: np.ndarray, order: np.ndarray, *, left: float) -> None:
    n = len(order)
    place, height = np.empty(2 * n - 1), np.zeros(2 * n - 1)
    place[order] = np.arange(n)
    brackets = np.empty((n - 1, 4, 2))
    for i, (a, b, merged, _) in enumerate(tree):
        a, b = int(a), int(b)  #
        place[n + i], height[n + i] = (place[a] + place[b]) / 2, merged
        ends = [height[a], merged, merged, height[b]]
        brackets[i] = np.stack([ends, [place[a], place[a], place[b], place[b]]], axis=1)
    beside = ax.inset_axes((left, 0, _TREE, 1))
    beside.add_collection(LineCollection(list(brackets), colors=INK, linewidths=np.clip(60 / n, 0.3, 0.8)))
    beside.set(xlim=(0, height.max() * 1.02 + 1e-12), ylim=ax.get_ylim())
    beside.set_axis_off()


def _write_names(ax: Axes, names: list[str]) -> None:
    ax.set_yticks(range(len(names)), distinct(names))
    ax.tick_params(axis="y", length=0, labelsize=float(np.clip(270 / len(names), 4, 8)), labelcolor=INK)


def distinct(names: list[str]) -> list[str]:
    """Names that fit; where one would not, what all have in common is left out first."""
    if max(map(len, names)) <= MAX_NAME:
        return names
    n_first = _n_common(names)
    n_last = _n_common([name[n_first:][::-1] for name in names])
    first, last = ("…" if n > 3 else "" for n in (n_first, n_last))
    cut = [name[n_first if first else 0 : len(name) - n_last if last else None] for name in names]
    return [shortened(f"{first}{middle}{last}") for middle in cut]


def _n_common(names: list[str]) -> int:
    """Letters that all names begin with."""
    return next(
        (i for i, letters in enumerate(zip(*names, strict=False)) if len(set(letters)) > 1), min(map(len, names))
    )


def _explain(ax: Axes, image: Any, meaning: str, strips: list[Strip]) -> None:
    bar = ax.figure.colorbar(image, cax=ax.inset_axes((0, -0.07, 0.45, 0.025)), orientation="horizontal")
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=INK, labelsize="small", length=3)
    bar.set_label(meaning, fontsize="small", color=INK)
    handles = [handle for strip in strips for handle in strip.handles()]
    if np.ma.getmaskarray(image.get_array()).any():
        handles.append(Line2D([], [], linestyle="", marker="s", color=GREY, label="no distance"))
    if handles:
        left = 1 + _GAP + len(strips) * (_STRIP + _GAP) + _TREE
        box = ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(left, 1), borderaxespad=0, **SMALL_PRINT)
        for text, handle in zip(box.get_texts(), handles, strict=True):
            text.set_fontweight("normal" if handle.get_marker() == "s" else "bold")


def _meaning(metric: str, params: Any) -> str:
    is_isometric = metric == "embedding" and float(params.get("isometry", 0)) > 0
    return "Wasserstein-2, from embeddings" if is_isometric else label_of(metric)
