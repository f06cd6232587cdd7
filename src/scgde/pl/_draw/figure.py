from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt

from scgde._checks import as_names, check_one_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

#: Observed cells, missing values.
GREY = "#bdbdbd"
#: Text, axes.
INK = "#333333"
#: After Okabe and Ito: distinct with every common form of colour blindness.
COLORS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#7A5195", "#806000"]
LEGEND_STYLE: dict[str, Any] = {"frameon": False, "fontsize": "small", "title_fontsize": "small"}


def panels(n_panels: int, *, ax: Axes | None, size: tuple[float, float], max_columns: int) -> list[Axes]:
    """Axes to draw in: the given one, or those of a new figure.

    Parameters
    ----------
    size
        Width and height of a panel in inches.
    """
    if ax is not None:
        if n_panels != 1:
            msg = f"`ax` holds one panel, got {n_panels} to draw. Leave it out, or draw one per call."
            raise ValueError(msg)
        return [ax]
    n_columns = min(n_panels, max_columns)
    n_rows = -(-n_panels // n_columns)
    figsize = (size[0] * n_columns, size[1] * n_rows)
    figure, grid = plt.subplots(n_rows, n_columns, figsize=figsize, layout="constrained", squeeze=False)
    for spare in grid.flat[n_panels:]:
        figure.delaxes(spare)
    return list(grid.flat[:n_panels])


def draw_panels(
    drawings: Sequence[Callable[[Axes], None]],
    titles: Sequence[str],
    *,
    size: tuple[float, float],
    max_columns: int,
    ax: Axes | None,
    show: bool | None,
    save: str | Path | None,
) -> list[Axes] | None:
    """A figure with one panel for each drawing; None if it was shown."""
    axes = panels(len(drawings), ax=ax, size=size, max_columns=max_columns)
    for panel, draw, title in zip(axes, drawings, titles, strict=True):
        despine(panel)
        set_title(panel, title)
        draw(panel)
    if ax is None:
        widen_for_legends(axes)
    return axes if save_or_show(axes, own=ax is None, show=show, save=save) else None


def widen_for_legends(axes: list[Axes]) -> None:
    """Widen a new figure by its legends, so that they take nothing from the panels."""
    figure: Any = axes[0].figure
    figure.draw_without_rendering()
    widths: dict[int, float] = {}
    for ax in axes:
        column = ax.get_subplotspec().colspan.start  # type: ignore[union-attr]
        box = ax.get_legend()
        width = 0 if box is None else box.get_window_extent().x1 - ax.get_window_extent().x1
        widths[column] = max(widths.get(column, 0), width / figure.dpi)
    figure.set_figwidth(figure.get_figwidth() + sum(widths.values()))


def panel_titles(title: str | Sequence[str] | None, default: list[str]) -> list[str]:
    """One title per panel."""
    titles = default if title is None else as_names(title)
    if len(titles) != len(default):
        msg = f"`title` must give one title per panel, got {len(titles)} for {len(default)} panels."
        raise ValueError(msg)
    return titles


def set_title(ax: Axes, title: str | None) -> None:
    """Title above the left end of a panel, if there is one."""
    if title is not None:
        ax.set_title(title, loc="left", fontsize="medium")


def check_kinds(kinds: str | Sequence[str], options: Sequence[str]) -> list[str]:
    """One kind per panel."""
    return [check_one_of(kind, "kinds", options) for kind in as_names(kinds)]


def despine(ax: Axes) -> None:
    """Remove the upper and the right spine, and soften the others."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(INK)
    ax.tick_params(colors=INK, labelsize="small", length=3)


def save_or_show(axes: list[Axes], *, own: bool, show: bool | None, save: str | Path | None) -> bool:
    """Save and show as asked; whether the axes are to be returned.

    As in scanpy, what was shown is not returned. A figure that is ``own``, not the user's, is closed once it was saved
    or shown, so that a loop does not pile figures up.
    """
    figure: Any = axes[0].get_figure(root=True)
    shown = (own and plt.isinteractive()) if show is None else show
    if save is not None:
        figure.savefig(save, bbox_inches="tight", dpi=200)
    if shown:
        plt.show()
    if own and (shown or save is not None):
        plt.close(figure)
    return not shown
