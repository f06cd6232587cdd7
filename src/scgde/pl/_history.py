from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from scgde import _keys
from scgde._checks import check_count, check_set_table
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.pl._draw import COLORS, INK, LEGEND_STYLE, despine, panels, save_or_show, set_title
from scgde.sets._own_columns import own_column

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes

    from scgde._types import Config


@checked_keywords
@shared_docs
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

    The training loss of each step is drawn light, under its running median; the best validation step is marked, and
    where the fit stopped before its last step.
    The axis leaves out the most extreme hundredth of the training losses.

    Parameters
    ----------
    adata
        With a fit, see :func:`scgde.tl.fit_gde`.
    key
        %(key)s
    window
        Rows of the history in the running median. None: a thirtieth of them.
    title
        %(title)s None: the number of sets.
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
        If there is no such fit.
    ValueError
        If `window` is below 1.

    Examples
    --------
    >>> import scgde
    >>> ax = scgde.pl.history(adata, show=False)
    """
    check_set_table(adata.uns, key, entry=_keys.HISTORY, made_by="scgde.tl.fit_gde")
    content = adata.uns[key]
    table: pd.DataFrame = content[_keys.HISTORY]
    rows = max(1, len(table) // 30) if window is None else check_count(window, "window")
    axes = panels(1, ax=ax, size=(5.2, 3.4), max_columns=1)
    _draw_training(axes[0], table[["step", "train_loss"]].dropna(), rows)
    _draw_validation(axes[0], table[["step", "validation_loss"]].dropna())
    _mark_early_stop(axes[0], int(table["step"].iloc[-1]), content.get(_keys.PARAMS, {}))
    _label_axes(axes[0])
    axes[0].set_ylim(*_loss_limits(table))
    axes[0].legend(labelcolor=INK, **LEGEND_STYLE)
    set_title(axes[0], _default_title(content, key) if title is None else title)
    return axes[0] if save_or_show(axes, own=ax is None, show=show, save=save) else None


def _draw_training(ax: Axes, table: pd.DataFrame, window: int) -> None:
    smooth = table["train_loss"].rolling(window, center=True, min_periods=1).median()
    if window > 1:
        ax.plot(table["step"], table["train_loss"], color=COLORS[0], alpha=0.25, linewidth=0.7)
    ax.plot(table["step"], smooth, color=COLORS[0], linewidth=1.6, label="training")


def _draw_validation(ax: Axes, table: pd.DataFrame) -> None:
    if table.empty:
        ax.plot([], [], " ", label="no validation sets")
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
        label=f"best validation: {loss[best]:.4g} at step {step[best]:,.0f}"
        + ", the last" * int(best == len(loss) - 1),
    )


def _mark_early_stop(ax: Axes, last: int, params: Config) -> None:
    if last < int(params.get("max_steps", 0)):
        ax.axvline(last, color=INK, linewidth=0.8, linestyle=":", label=f"stopped early, at step {last:,}")


def _default_title(content: Config, key: str) -> str:
    """How many sets there are of each split."""
    table, split = content[_keys.SETS], own_column(content, key, _keys.SPLIT)
    if split is None:
        return f"{len(table):,} sets"
    names = {"train": "training", "validation": "validation"}
    n_sets = split.astype(str).value_counts()
    return ", ".join(f"{n_sets[split]:,} {name}" for split, name in names.items() if split in n_sets) + " sets"


def _label_axes(ax: Axes) -> None:
    despine(ax)
    ax.set(xlabel="step", ylabel="loss")
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


def _loss_limits(table: pd.DataFrame) -> tuple[float, float]:
    """Room for every validation loss, but not for the spikes of the first steps."""
    low, high = np.nanquantile(table["train_loss"], [0.005, 0.995])
    validation = table["validation_loss"].dropna()
    low, high = min([low, *validation]), max([high, *validation])
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 1
    return low - margin, high + margin
