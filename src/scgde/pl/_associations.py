from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from scgde._checks import check_fraction
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.pl._draw import COLORS, GREY, INK, LEGEND_STYLE, despine, panels, save_or_show, set_title, widen_for_legends

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

REQUIRED = ("n_sets", "adjusted_r2", "p_value", "q_value", "note")
#: Areas in square points of the covariates known for fewest and for most sets.
AREAS = (30, 130)


@checked_keywords
@shared_docs
def associations(
    table: pd.DataFrame,
    *,
    level: float = 0.05,
    title: str | None = None,
    legend: bool = True,
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | Path | None = None,
) -> Axes | None:
    """Share of the differences between sets that each covariate explains.

    A dot per covariate, the larger the more sets have a value; it is filled where the q-value is at most `level`.
    Diamonds are what the same covariate explains of the means of the sets. Covariates that were not tested stand below,
    with the reason.

    Parameters
    ----------
    table
        Result of :func:`scgde.tl.associate`.
    level
        False discovery rate.
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
    ValueError
        If the table has other columns or no row, or `level` is not in [0, 1].

    Examples
    --------
    >>> import pandas as pd
    >>> import scgde
    >>> result = {"n_sets": [20, 20], "adjusted_r2": [0.02, 0.3], "p_value": [0.4, 0.001], "q_value": [0.4, 0.002]}
    >>> table = pd.DataFrame(result | {"note": ""}, index=["sex", "disease"])  # as of scgde.tl.associate
    >>> ax = scgde.pl.associations(table, show=False)
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['disease', 'sex']
    """
    level = check_fraction(level, "level")
    missing = [name for name in REQUIRED if name not in table]
    if missing or table.empty:
        msg = f"`table` must be a result of `scgde.tl.associate` with a covariate, got {len(table)} without {missing}."
        raise ValueError(msg)
    tested = table["p_value"].notna()
    rows = pd.concat([table[tested].sort_values("adjusted_r2", ascending=False), table[~tested]])
    axes = panels(1, ax=ax, size=(5.4, 1.2 + 0.3 * len(rows)), max_columns=1)
    _draw_rows(axes[0], rows, level)
    _frame(axes[0], rows)
    set_title(axes[0], _default_title(rows) if title is None else title)
    if legend:
        _add_legend(axes[0], rows, level)
    if ax is None:
        widen_for_legends(axes)
    return axes[0] if save_or_show(axes, own=ax is None, show=show, save=save) else None


def _default_title(rows: pd.DataFrame) -> str:
    low, high = int(rows["n_sets"].min()), int(rows["n_sets"].max())
    return f"{high:,} sets" if low == high else f"{low:,} to {high:,} sets with a value"


def _draw_rows(ax: Axes, rows: pd.DataFrame, level: float) -> None:
    place = np.arange(len(rows))
    share = rows["adjusted_r2"].to_numpy(dtype=float)
    found = rows["q_value"].to_numpy(dtype=float) <= level
    ax.hlines(place, 0, share, color=GREY, linewidth=1, zorder=0.8)
    faces = np.where(found, COLORS[0], "white")
    ax.scatter(share, place, s=_areas(rows["n_sets"]), c=faces, edgecolors=COLORS[0], linewidths=1.3, zorder=2)
    if "pseudobulk_r2" in rows:
        means = rows["pseudobulk_r2"].to_numpy(dtype=float)
        ax.scatter(means, place, s=30, marker="D", color=COLORS[5], linewidths=0, zorder=2.5)
    for i, note in enumerate(rows["note"]):
        if not np.isfinite(share[i]):
            ax.annotate(f"not tested: {note}", (0, i), xytext=(6, 0), textcoords="offset points", **_NOTE)


_NOTE: dict[str, Any] = {"va": "center", "fontsize": "x-small", "color": INK, "style": "italic"}


def _areas(n_sets: pd.Series) -> np.ndarray:
    low, high = AREAS
    return np.clip(high * n_sets.to_numpy(dtype=float) / max(n_sets.max(), 1), low, high)


def _frame(ax: Axes, rows: pd.DataFrame) -> None:
    despine(ax)
    ax.axvline(0, color=INK, linewidth=0.8, zorder=0.5)
    ax.set_yticks(range(len(rows)), [str(name) for name in rows.index])
    ax.set(ylim=(len(rows) - 0.5, -0.5), xlabel="variance explained, adjusted")
    ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g}%"))


def _add_legend(ax: Axes, rows: pd.DataFrame, level: float) -> None:
    face = partial(Line2D, [], [], linestyle="", marker="o", markersize=9, color=COLORS[0])
    handles = [
        face(label=f"embedding, q ≤ {level:g}"),
        face(label=f"embedding, q > {level:g}", markerfacecolor="white"),
    ]
    if "pseudobulk_r2" in rows and rows["pseudobulk_r2"].notna().any():
        handles.append(face(label="means of the sets", marker="D", markersize=5, color=COLORS[5]))
    if rows["n_sets"].min() < rows["n_sets"].max():
        handles.append(Line2D([], [], linestyle="", label="area: sets with a value"))
    ax.legend(handles=handles, loc="center left", bbox_to_anchor=(1, 0.5), labelcolor=INK, **LEGEND_STYLE)
