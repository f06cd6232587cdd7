from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from scgde import _keys
from scgde._checks import as_names, check_columns
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.pl._draw import (
    GREY,
    INK,
    LEGEND_STYLE,
    as_categories,
    despine,
    panels,
    save_or_show,
    set_title,
    shorten,
    shorten_distinctly,
    stored_colors,
    strip_of,
    table_column,
    widen_for_legends,
)
from scgde.sets._entries import read_entries, set_column_of
from scgde.sets._set_table import rows_of_cells

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from anndata import AnnData
    from matplotlib.axes import Axes

    from scgde.pl._draw import Palette
    from scgde.pl._draw.annotations import Strip

#: More names of sets are too small to read.
MAX_LABELS = 60
#: Height of a strip and of the gap above it, in heights of the axes.
_STRIP, _GAP = 0.05, 0.02


@checked_keywords
@shared_docs
def composition(
    adata: AnnData,
    state_key: str,
    *,
    key: str = "gde",
    annotate_keys: str | Sequence[str] = (),
    labels: bool | None = None,
    palette: Palette | None = None,
    title: str | None = None,
    legend: bool = True,
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | Path | None = None,
) -> Axes | None:
    """Shares of the cell types in each set, as stacked bars.

    Sets are sorted by the columns of `annotate_keys`, then by the share of the cell type that varies most between sets,
    which is drawn at the bottom.

    Parameters
    ----------
    adata
        With a fit, see :func:`scgde.tl.fit_gde`, or sets, see :func:`scgde.pp.make_sets`.
    state_key
        Column of ``obs`` with the type of each cell. Cells without one are drawn in grey.
    key
        %(key)s
    annotate_keys
        Columns of the set table that are drawn as strips of colours below the bars.
    labels
        Whether to write the names of the sets. None: of up to 60.
    palette
        %(palette)s By default those that scanpy keeps for the column.
    title
        %(title)s None: the number of sets.
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
    %(returns_axes)s

    Raises
    ------
    KeyError
        If there are no sets or no such column.
    ValueError
        If ``palette`` does not fit the cell types.

    Examples
    --------
    >>> import scgde
    >>> adata = scgde.datasets.cohort(12, seed=0)
    >>> scgde.pp.make_sets(adata, "donor", key_added="donors")
    >>> ax = scgde.pl.composition(adata, "cell_type", key="donors", annotate_keys="severity", show=False)
    """
    content = read_entries(adata, key, entry=_keys.SETS, made_by="scgde.tl.fit_gde")
    check_columns(adata.obs, state_key=state_key)
    table: pd.DataFrame = content[_keys.SETS]
    annotations = [table_column(table, name, "annotate_keys") for name in as_names(annotate_keys)]
    types = adata.obs[state_key]
    sets = rows_of_cells(adata.obs[set_column_of(content, key)], table)
    shares, colors = _shares(types, sets, len(table), stored_colors(adata, types) if palette is None else palette)
    order = _order(shares, annotations)
    (main,) = panels(1, ax=ax, size=(float(np.clip(0.16 * len(table), 4.5, 9)), 3.6), max_columns=1)
    _draw_bars(main, shares.iloc[order], colors)
    set_title(main, f"{len(table):,} sets" if title is None else title)
    strips = [strip_of(column, stored_colors(adata, column)) for column in annotations]
    _draw_strips(main, strips, order)
    if labels or (labels is None and len(order) <= MAX_LABELS):
        _write_names(main, [str(table.index[i]) for i in order], n_strips=len(strips))
    if legend:
        _add_legend(main, state_key, colors, strips)
    if ax is None:
        widen_for_legends([main])
    return main if save_or_show([main], own=ax is None, show=show, save=save) else None


def _shares(
    types: pd.Series, sets: np.ndarray, n_sets: int, palette: Palette | None
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Share of each cell type in each set, shape ``(S, T)``, the one that varies most first; and their colours."""
    known = as_categories(types, palette)
    names, colors = [*known.names, "NA"], [*known.colors, GREY]
    in_sets = sets >= 0
    codes = np.where(known.codes < 0, len(known.names), known.codes)[in_sets]
    counts = np.zeros((n_sets, len(names)))
    np.add.at(counts, (sets[in_sets], codes), 1)
    shares = counts / counts.sum(axis=1, keepdims=True)
    drawn = [i for i in np.argsort(-shares.std(axis=0), kind="stable") if shares[:, i].any()]
    found = pd.DataFrame(shares[:, drawn], columns=[names[i] for i in drawn])
    return found, {names[i]: colors[i] for i in drawn}


def _order(shares: pd.DataFrame, annotations: Sequence[pd.Series]) -> np.ndarray:
    """Sets by their annotations, missing ones last, then by the share of the first cell type."""
    by = {str(i): column.reset_index(drop=True) for i, column in enumerate(annotations)}
    table = pd.DataFrame(by | {"share": -shares.iloc[:, 0]})
    return table.sort_values([*by, "share"], kind="stable").index.to_numpy()


def _draw_bars(ax: Axes, shares: pd.DataFrame, colors: dict[str, str]) -> None:
    bottom, gap = np.zeros(len(shares)), 0.4 if len(shares) <= MAX_LABELS else 0
    for name, color in colors.items():
        height = shares[name].to_numpy()
        ax.bar(np.arange(len(shares)), height, 1, bottom, color=color, edgecolor="white", linewidth=gap)
        bottom += height
    despine(ax)
    ax.set(xlim=(-0.5, len(shares) - 0.5), ylim=(0, 1), xticks=[], ylabel="share of cells")
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))


def _draw_strips(ax: Axes, strips: list[Strip], order: np.ndarray) -> None:
    for i, strip in enumerate(strips):
        strip_ax = ax.inset_axes((0, -(i + 1) * (_STRIP + _GAP), 1, _STRIP))
        strip_ax.imshow(strip.colors[order][None], aspect="auto", interpolation="nearest")
        strip_ax.set(xticks=[], yticks=[0])
        strip_ax.set_yticklabels([strip.name], fontsize="small", color=INK)
        strip_ax.tick_params(length=0, pad=4)
        strip_ax.spines[:].set_visible(False)


def _write_names(ax: Axes, names: list[str], *, n_strips: int) -> None:
    ax.set_xticks(range(len(names)), shorten_distinctly(names), rotation=90)
    figure: Any = ax.get_figure(root=True)
    below = 72 * ax.get_position().height * figure.get_figheight() * n_strips * (_STRIP + _GAP)
    ax.tick_params(axis="x", length=0, pad=4 + below, labelsize=float(np.clip(300 / len(names), 5, 8)))


def _add_legend(ax: Axes, name: str, colors: dict[str, str], strips: list[Strip]) -> None:
    square = partial(Line2D, [], [], linestyle="", marker="s")
    # From top to bottom, as the bars.
    bars = [square(color=color, label=shorten(label)) for label, color in reversed(colors.items())]
    handles = [Line2D([], [], linestyle="", label=name), *bars, *(part for strip in strips for part in strip.handles())]
    columns = 1 + len(handles) // 22
    box = ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1.02), ncols=columns, **LEGEND_STYLE)
    for text, handle in zip(box.get_texts(), handles, strict=True):
        text.set_fontweight("normal" if handle.get_marker() == "s" else "bold")
