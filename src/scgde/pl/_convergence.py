from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from scgde import _keys
from scgde._checks import as_names
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.pl._draw import (
    INK,
    LEGEND_STYLE,
    as_categories,
    despine,
    panels,
    save_or_show,
    set_title,
    widen_for_legends,
)
from scgde.sets._entries import read_entries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes

    from scgde.pl._draw import Palette


@checked_keywords
@shared_docs
def convergence(
    adata: AnnData,
    *,
    key: str = "gde",
    sets: str | Sequence[str] | None = None,
    palette: Palette | None = None,
    title: str | None = None,
    legend: bool = True,
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | Path | None = None,
) -> Axes | None:
    """Distance between the embeddings of a draw and of the whole set, against the cells drawn.

    Both axes are logarithmic. Small dots are draws, large ones their root mean square. The lines have the slope -1/2
    of the central limit theorem; solid ones are what the influence functions predict, without looking at the draws.
    Where the dots leave their line, there are too few cells for the standard errors. Of an encoder without influence
    functions, a broken line with the same slope is drawn through the largest draws.

    Parameters
    ----------
    adata
        With :func:`scgde.tl.convergence` run.
    key
        %(key)s
    sets
        Names of the sets to draw; by default all that draws were taken from.
    palette
        Colours of the sets, as in :func:`scgde.pl.embedding`.
    title
        %(title)s
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
        If :func:`scgde.tl.convergence` was not run, or not for these sets.

    Examples
    --------
    >>> import scgde
    >>> scgde.tl.convergence(adata, sets=["donor_00", "donor_01"], sizes=(5, 10, 20), n_draws=5)
    >>> ax = scgde.pl.convergence(adata, show=False)
    """
    content = read_entries(adata, key, entry=_keys.CONVERGENCE, made_by="scgde.tl.convergence")
    table = _rows_of_sets(content[_keys.CONVERGENCE], sets)
    categories = as_categories(table["set"], palette)
    axes = panels(1, ax=ax, size=(4.8, 3.8), max_columns=1)
    for i, (name, color) in enumerate(zip(categories.names, categories.colors, strict=True)):
        _draw_set(axes[0], table[categories.codes == i], name, color, i - (len(categories.names) - 1) / 2)
    despine(axes[0])
    axes[0].set(xscale="log", yscale="log", xlabel="cells drawn", ylabel="distance to the embedding of the whole set")
    _write_plain_numbers(axes[0])
    set_title(axes[0], title)
    if legend:
        handles, _ = axes[0].get_legend_handles_labels()
        position: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1, 0.5)}
        is_predicted = bool(table["predicted"].notna().all())
        axes[0].legend(
            handles=[*handles, *_marks(is_predicted=is_predicted)], labelcolor=INK, **position, **LEGEND_STYLE
        )
    if ax is None:
        widen_for_legends(axes)
    return axes[0] if save_or_show(axes, own=ax is None, show=show, save=save) else None


def _write_plain_numbers(ax: Axes) -> None:
    """Ticks such as 20 and 50, not powers of ten."""
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        axis.set_minor_locator(NullLocator())


def _rows_of_sets(table: pd.DataFrame, sets: str | Sequence[str] | None) -> pd.DataFrame:
    if sets is None:
        return table
    names, available = as_names(sets), table["set"].unique().tolist()
    missing = [name for name in names if name not in available]
    if missing:
        msg = f"`sets` must be among those of `scgde.tl.convergence`, got {missing}. Sets: {available}."
        raise KeyError(msg)
    return table[table["set"].isin(names)]


def _marks(*, is_predicted: bool) -> list[Line2D]:
    """What dots and lines of every colour mean."""
    label = "predicted by standard errors" if is_predicted else "inverse root of the cells"
    return [
        Line2D([], [], linestyle="", marker=".", markersize=3, color=INK, label="one draw"),
        Line2D(
            [], [], linestyle="", marker="o", markersize=6, mec="white", color=INK, label="root mean square of draws"
        ),
        Line2D([], [], linestyle="-" if is_predicted else "--", linewidth=1.2, color=INK, label=label),
    ]


def _draw_set(ax: Axes, table: pd.DataFrame, name: str, color: str, offset: float) -> None:
    # The dots of one size stand side by side, set by set.
    ax.plot(table["n_cells"] * 1.06**offset, table["distance"], ".", color=color, markersize=3, alpha=0.35, mew=0)
    by_size = table.groupby("n_cells")
    rms = by_size["distance"].agg(lambda distance: np.sqrt(np.mean(np.square(distance))))
    line, style = by_size["predicted"].first(), "-"
    if line.isna().any():
        line, style = rms.iloc[-1] * (rms.index.to_series() / rms.index[-1]) ** -0.5, "--"
    ax.plot(line.index, line, color=color, linewidth=1.2, linestyle=style)
    ax.plot(rms.index * 1.06**offset, rms, "o", color=color, markersize=6, mec="white", mew=0.6, label=name)
