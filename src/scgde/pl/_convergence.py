from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scgde import _keys
from scgde._checks import check_set_table
from scgde.pl._colors import as_categories
from scgde.pl._figure import INK, SMALL_PRINT, finish, panels, quiet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes

    from scgde.pl._colors import Palette


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
        Of the fit in ``adata.uns``.
    sets
        Names of the sets to draw; by default all that draws were taken from.
    palette
        Colours of the sets, as in :func:`scgde.pl.embedding`.
    title
        Of the axes.
    legend
        Whether to draw it.
    ax
        Axes to draw in.
    show
        Show the figure and return None. None: if `ax` is not given and matplotlib is interactive, as it is in
        a notebook.
    save
        File to write the figure to, format by ending. The figure is then closed, unless `ax` is given.

    Returns
    -------
    The axes; None if the figure was shown.

    Raises
    ------
    KeyError
        If :func:`scgde.tl.convergence` was not run, or not for these sets.
    """
    check_set_table(adata.uns, key, entry=_keys.CONVERGENCE, made_by="scgde.tl.convergence")
    table = _chosen(adata.uns[key][_keys.CONVERGENCE], sets)
    categories = as_categories(table["set"], palette)
    axes = panels(1, ax=ax, size=(4.8, 3.8), max_columns=1)
    for i, (name, color) in enumerate(zip(categories.names, categories.colors, strict=True)):
        _draw_set(axes[0], table[categories.codes == i], name, color, i - (len(categories.names) - 1) / 2)
    _frame(axes[0], title)
    if legend:
        axes[0].legend(labelcolor=INK, **SMALL_PRINT)
    return axes[0] if finish(axes, own=ax is None, show=show, save=save) else None


def _chosen(table: pd.DataFrame, sets: str | Sequence[str] | None) -> pd.DataFrame:
    if sets is None:
        return table
    names = [sets] if isinstance(sets, str) else list(sets)
    there = table["set"].unique().tolist()
    missing = [name for name in names if name not in there]
    if missing:
        msg = f"`sets` must be among those of `scgde.tl.convergence`, got {missing}. Sets: {there}."
        raise KeyError(msg)
    return table[table["set"].isin(names)]


def _draw_set(ax: Axes, table: pd.DataFrame, name: str, color: str, place: float) -> None:
    # The dots of one size stand side by side, set by set.
    ax.plot(table["n_cells"] * 1.06**place, table["distance"], ".", color=color, markersize=3, alpha=0.35, mew=0)
    by_size = table.groupby("n_cells")
    rms = by_size["distance"].agg(lambda distance: np.sqrt(np.mean(np.square(distance))))
    line, style = by_size["predicted"].first(), "-"
    if line.isna().any():
        line, style = rms.iloc[-1] * (rms.index.to_series() / rms.index[-1]) ** -0.5, "--"
    ax.plot(line.index, line, color=color, linewidth=1.2, linestyle=style)
    ax.plot(rms.index * 1.06**place, rms, "o", color=color, markersize=6, mec="white", mew=0.6, label=name)


def _frame(ax: Axes, title: str | None) -> None:
    quiet(ax)
    ax.set(xscale="log", yscale="log", xlabel="cells drawn", ylabel="distance to the embedding of the whole set")
    if title is not None:
        ax.set_title(title, loc="left", fontsize="medium")
