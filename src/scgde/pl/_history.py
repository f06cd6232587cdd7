from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from scgde import _keys
from scgde._checks import check_count, check_set_table
from scgde.pl._figure import COLORS, INK, SMALL_PRINT, finish, panels, quiet

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes


def history(
    adata: AnnData,
    *,
    key: str = "gde",
    window: int | None = None,
    title: str | None = None,
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | Path | None = None,
) -> Axes | None:
    """Training and validation loss against the optimiser step.

    The training loss of each step is drawn light, under its running median; the best validation step is marked.
    The axis leaves out the most extreme hundredth of the training losses.

    Parameters
    ----------
    adata
        With a fit, see :func:`scgde.tl.fit_gde`.
    key
        Of the fit in ``adata.uns``.
    window
        Rows of the history in the running median. None: a thirtieth of them.
    title
        Of the axes.
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
        If there is no such fit.
    ValueError
        If `window` is below 1.
    """
    check_set_table(adata.uns, key, entry=_keys.HISTORY, made_by="scgde.tl.fit_gde")
    table: pd.DataFrame = adata.uns[key][_keys.HISTORY]
    rows = max(1, len(table) // 30) if window is None else check_count(window, "window")
    axes = panels(1, ax=ax, size=(5.2, 3.4), max_columns=1)
    _draw_training(axes[0], table[["step", "train_loss"]].dropna(), rows)
    _draw_validation(axes[0], table[["step", "validation_loss"]].dropna())
    _frame(axes[0], table, title)
    return axes[0] if finish(axes, own=ax is None, show=show, save=save) else None


def _draw_training(ax: Axes, table: pd.DataFrame, window: int) -> None:
    smooth = table["train_loss"].rolling(window, center=True, min_periods=1).median()
    if window > 1:
        ax.plot(table["step"], table["train_loss"], color=COLORS[0], alpha=0.25, linewidth=0.7)
    ax.plot(table["step"], smooth, color=COLORS[0], linewidth=1.6, label="training")


def _draw_validation(ax: Axes, table: pd.DataFrame) -> None:
    if table.empty:
        return
    step, loss = table["step"].to_numpy(), table["validation_loss"].to_numpy()
    best = loss.argmin()
    ax.plot(step, loss, color=COLORS[1], linewidth=1.6, marker=".", markersize=4, label="validation")
    ax.plot(
        step[best],
        loss[best],
        color=COLORS[5],
        linestyle="",
        marker="o",
        markersize=7,
        fillstyle="none",
        markeredgewidth=1.6,
        label=f"best validation: {loss[best]:.4g} at step {step[best]:,.0f}",
    )


def _frame(ax: Axes, table: pd.DataFrame, title: str | None) -> None:
    quiet(ax)
    ax.set_xlabel("step")
    ax.set_ylabel("loss")
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    ax.set_ylim(*_limits(table))
    ax.legend(labelcolor=INK, **SMALL_PRINT)
    if title is not None:
        ax.set_title(title, loc="left", fontsize="medium")


def _limits(table: pd.DataFrame) -> tuple[float, float]:
    """Room for every validation loss, but not for the spikes of the first steps."""
    low, high = np.nanquantile(table["train_loss"], [0.005, 0.995])
    validation = table["validation_loss"].dropna()
    low, high = min([low, *validation]), max([high, *validation])
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 1
    return low - margin, high + margin
