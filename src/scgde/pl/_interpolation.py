from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D

from scgde._checks import check_count, check_one_of
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.pl._draw import (
    GREY,
    INK,
    LAST_SHADE,
    LEGEND_STYLE,
    MAX_HEADING,
    PathSteps,
    animate,
    are_images,
    check_no_plane,
    despine,
    draw_image_path,
    draw_ridgeline,
    features_of_path,
    panels,
    project_path,
    save_or_show,
    shorten,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from anndata import AnnData
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection

    from scgde.pl._draw import ProjectedPath

KINDS = ("panels", "ridge")
#: More steps than this are thinned out to 11 rows of a ridgeline figure, or `n_panels` if that is more.
MAX_RIDGES = 16
_ROWS = {"generated": "generated", "ot": "optimal transport"}


@checked_keywords
@shared_docs
def interpolation(
    adata: AnnData,
    path: AnnData,
    *,
    kind: str = "panels",
    ot: bool = False,
    basis: str | Sequence[str] | None = "pca",
    components: tuple[int, int] = (0, 1),
    channels: Sequence[int] | None = None,
    n_panels: int | None = None,
    n_frames: int = 40,
    cmap: str = "viridis",
    title: str | None = None,
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | Path | None = None,
) -> list[Axes] | None:
    """Generated cells on the path from one set to another.

    With `save` to a ``.gif`` file, the cells move there and back, in place of panels. Of images, each row is one cell
    that changes from time to time, between observed cells of the sets at both ends.

    Parameters
    ----------
    adata
        Observed cells, with the fit. Those of the sets on the path are drawn in grey.
    path
        From :func:`scgde.tl.interpolate`.
    kind
        ``"panels"``: the cells at some times, one panel each. ``"ridge"``: their density along the first axis, one
        row each.
    ot
        Whether to draw the displacement interpolation as well: every *observed* cell goes straight to its partner under
        optimal transport of the one set to the other, see :cite:t:`Bonneel11`.
    basis
        ``"pca"``: principal components of the generated cells, where there are more than two features. Two names of
        features, or None or the name of the ``obsm`` entry that was fitted for the features themselves.
    components
        The two to draw, from 0; of a ridge the first.
    channels
        %(channels)s
    n_panels
        How many times are drawn, the ends included: by default 6, and 4 with `ot`, which has a row of its own.
    n_frames
        Of an animation, from the first time to the last.
    cmap
        Colours from the first time to the last.
    title
        Title of the figure.
    ax
        %(ax)s
    show
        %(show)s
    save
        %(save)s

    Returns
    -------
    The axes, row by row; None if the figure was shown.

    Raises
    ------
    KeyError
        If there is no such fit, or a set of the path is not observed.
    ValueError
        If the features differ, or `kind`, `basis`, `components` or `channels` does not fit.

    Examples
    --------
    >>> import scgde
    >>> path = scgde.tl.interpolate(adata, "donor_00", "donor_01", n_steps=5, n_cells=50)
    >>> axes = scgde.pl.interpolation(adata, path, show=False)
    """
    check_one_of(kind, "kind", KINDS)
    n_panels = check_count((4 if ot else 6) if n_panels is None else n_panels, "n_panels")
    n_frames = check_count(n_frames, "n_frames", minimum=2)
    is_animation = str(save).lower().endswith(".gif")
    if is_animation and kind != "panels":
        msg = f"A GIF shows moving cells, got `kind={kind!r}`. Leave `kind` out, or save to another format."
        raise ValueError(msg)
    steps = PathSteps.of(path)
    if are_images(features_of_path(adata, steps)):
        _check_for_images(kind=kind, ot=ot, is_animation=is_animation)
        check_no_plane(basis, components)
        axes = _add_title(draw_image_path(adata, path, steps, steps.spread(n_panels), ax=ax, channels=channels), title)
        return axes if save_or_show(axes, own=ax is None, show=show, save=save) else None
    projected = project_path(adata, path, basis=basis, components=components, with_ot=ot)
    if is_animation:
        axes = _animate(projected, ax, cmap, title, str(save), n_frames=n_frames)
    elif kind == "panels":
        axes = _draw_steps(projected, projected.steps.spread(n_panels), ax, cmap, title)
    else:
        n_steps = len(projected.steps.times)
        n_rows = n_steps if n_steps <= MAX_RIDGES else max(n_panels, 11)
        axes = _draw_ridges(projected, projected.steps.spread(n_rows), ax, cmap, title)
    returned = save_or_show(axes, own=ax is None, show=show, save=None if is_animation else save)
    if is_animation and ax is None:
        plt.close(axes[0].figure)  # type: ignore[arg-type]
    return axes if returned else None


def _draw_steps(path: ProjectedPath, steps: np.ndarray, ax: Axes | None, cmap: str, title: str | None) -> list[Axes]:
    low, high = path.limits()
    n_columns = _n_columns(len(steps), len(path.clouds))
    size = (2.6, 0.6 + 2.2 * path.proportion())
    axes = panels(len(steps) * len(path.clouds), ax=ax, size=size, max_columns=n_columns)
    colors = path.steps.colors(cmap)
    for row, (kind, cloud) in enumerate(path.clouds.items()):
        for panel, step in zip(axes[row * len(steps) :], steps, strict=False):
            _draw_cells(panel, path, cloud[step], colors[step], low, high)
            if row == 0:
                panel.set_title(path.steps.title(step), fontsize="small", loc="left", color=INK)
        for panel in axes[row * len(steps) : (row + 1) * len(steps) : n_columns]:
            _label_row(panel, path, kind)
    for panel in axes[-n_columns:]:
        panel.set_xlabel(path.labels[0], fontsize="small")
    _add_legend(axes[0], path, colors[steps[-1]], own=ax is None)
    if ax is None:
        figure: Any = axes[0].figure
        figure.get_layout_engine().set(h_pad=0.12)  # titles have two lines
    return _add_title(axes, title)


def _n_columns(n_steps: int, n_clouds: int) -> int:
    """A row for each cloud; of a single one, two rows where there are many steps."""
    return n_steps if n_clouds > 1 or n_steps <= 4 else -(-n_steps // 2)


def _add_legend(ax: Axes, path: ProjectedPath, color: str, *, own: bool) -> None:
    """Below the panels of a figure of our own, or beside the one that was given."""
    names = " and ".join(shorten(name) for name in dict.fromkeys(path.steps.names))
    marks = {f"observed in {names}": GREY, "on the path, at time t": color}
    handles = [
        Line2D([], [], linestyle="", marker="o", mew=0, markersize=5, color=shade, label=label)
        for label, shade in marks.items()
    ]
    if not own:
        ax.legend(handles=handles, loc="center left", bbox_to_anchor=(1, 0.5), labelcolor=INK, **LEGEND_STYLE)
        return
    figure: Any = ax.figure
    figure.set_figheight(figure.get_figheight() + 0.3)
    figure.legend(handles=handles, loc="outside lower center", ncols=2, labelcolor=INK, **LEGEND_STYLE)


def _draw_cells(
    ax: Axes, path: ProjectedPath, points: np.ndarray, color: str, low: np.ndarray, high: np.ndarray
) -> PathCollection:
    area = np.clip(2500 / len(points), 2, 10)
    ax.scatter(
        path.observed[:, 0],
        path.observed[:, 1],
        s=np.clip(4000 / len(path.observed), 1.5, area),
        c=GREY,
        linewidths=0,
        alpha=0.6,
    )
    drawn = ax.scatter(points[:, 0], points[:, 1], s=area, c=color, linewidths=0, alpha=0.8)
    despine(ax)
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal" if path.is_metric else "auto")
    ax.locator_params(nbins=3)
    return drawn


def _label_row(ax: Axes, path: ProjectedPath, kind: str) -> None:
    label = path.labels[1] if len(path.clouds) == 1 else f"{_ROWS[kind]}\n{path.labels[1]}"
    ax.set_ylabel(label, fontsize="small")


def _draw_ridges(path: ProjectedPath, steps: np.ndarray, ax: Axes | None, cmap: str, title: str | None) -> list[Axes]:
    axes = panels(len(path.clouds), ax=ax, size=(3.4, 0.9 + 0.34 * len(steps)), max_columns=2)
    low, high = path.limits()
    colors = [path.steps.colors(cmap)[step] for step in steps]
    labels = [path.steps.title(step).strip() for step in steps]
    for i, (panel, (kind, cloud)) in enumerate(zip(axes, path.clouds.items(), strict=True)):
        draw_ridgeline(panel, cloud[steps, :, 0], labels if i == 0 else [""] * len(steps), colors, (low[0], high[0]))
        panel.set_xlabel(path.labels[0], fontsize="small")
        panel.set_ylabel("density of cells" if i == 0 else "", fontsize="small")
        if len(path.clouds) > 1:
            panel.set_title(_ROWS[kind], fontsize="small", loc="left", color=INK)
    return _add_title(axes, title)


def _animate(
    path: ProjectedPath, ax: Axes | None, cmap: str, title: str | None, save: str, *, n_frames: int
) -> list[Axes]:
    low, high = path.limits()
    axes = panels(len(path.clouds), ax=ax, size=(4.8, 0.9 + 4.0 * path.proportion()), max_columns=2)
    first, last = (shorten(path.steps.names[end], length=MAX_HEADING) for end in (0, -1))
    gradient, drawn = mpl.colormaps[cmap], []
    for panel, (kind, cloud) in zip(axes, path.clouds.items(), strict=True):
        drawn.append(_draw_cells(panel, path, cloud[0], path.steps.colors(cmap)[0], low, high))
        panel.set_xlabel(path.labels[0], fontsize="small")
        _label_row(panel, path, kind)
    _add_legend(axes[0], path, path.steps.colors(cmap)[-1], own=ax is None)
    _add_title(axes, title)

    def on_frame(time: float) -> None:
        heading = f"{first} to {last}\n{path.steps.time_label(time)}"
        axes[0].set_title(heading, fontsize="small", loc="left", color=INK)
        share = (time - path.steps.times[0]) / (path.steps.times[-1] - path.steps.times[0])
        for cloud in drawn:
            cloud.set_facecolor(gradient(LAST_SHADE * share))

    on_frame(path.steps.times[0])  # the layout, which stays, needs room for the title
    animate(drawn, list(path.clouds.values()), path.steps.times, on_frame, save, n_frames=n_frames)
    return axes


def _check_for_images(*, kind: str, ot: bool, is_animation: bool) -> None:
    if kind != "panels" or ot or is_animation:
        form = "a GIF" if is_animation else f"`kind={kind!r}`, `ot={ot}`"
        msg = f"Images on a path are drawn in panels, got {form}. Leave these out, and save to another format."
        raise ValueError(msg)


def _add_title(axes: list[Axes], title: str | None) -> list[Axes]:
    if title is not None:
        axes[0].get_figure(root=True).suptitle(title, fontsize="medium", x=0.01, ha="left")  # type: ignore[union-attr]
    return axes
