from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np

from scgde._checks import check_count, check_one_of
from scgde.pl._animation import animate
from scgde.pl._figure import GREY, INK, finish, panels, quiet
from scgde.pl._ridges import draw_ridges
from scgde.pl._way import LAST_SHADE, read_way

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from anndata import AnnData
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection

    from scgde.pl._way import Way

KINDS = ("panels", "ridge")
#: More steps than this are thinned out to 11 rows of a ridge figure, or `n_panels` if that is more.
MAX_RIDGES = 16
_ROWS = {"generated": "generated", "ot": "optimal transport"}


def interpolation(
    adata: AnnData,
    path: AnnData,
    *,
    kind: str = "panels",
    ot: bool = False,
    basis: str | Sequence[str] | None = "pca",
    components: tuple[int, int] = (0, 1),
    n_panels: int = 6,
    n_frames: int = 40,
    cmap: str = "viridis",
    title: str | None = None,
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | Path | None = None,
) -> list[Axes] | None:
    """Generated cells on the way from one set to another.

    Parameters
    ----------
    adata
        Observed cells, with the fit. Those of the sets that the path passes are drawn in grey.
    path
        From :func:`scgde.tl.interpolate`.
    kind
        ``"panels"``: the cells at some times, one panel each. ``"ridge"``: their density along the first axis, one
        row each.
    ot
        Whether to draw the displacement interpolation beside: every *observed* cell goes straight to its partner under
        optimal transport of the one set to the other, see :cite:t:`Bonneel11`.
    basis
        ``"pca"``: principal components of the generated cells, where there are more than two features. Two names of
        features, or None or the name of the ``obsm`` entry that was fitted for the features themselves.
    components
        The two to draw, from 0; of a ridge the first.
    n_panels
        How many times are drawn, the ends included.
    n_frames
        Of an animation, one way.
    cmap
        Colours from the first time to the last.
    title
        Of the figure. None: none.
    ax
        Axes to draw in, for a single panel, a ridge or an animation.
    show
        Show the figure and return None. None: if `ax` is not given and matplotlib is interactive, as it is in
        a notebook.
    save
        File to write the figure to, format by ending. ``".gif"`` animates the cells, there and back, in place of
        panels. The figure is then closed, unless `ax` is given.

    Returns
    -------
    The axes, row by row; None if the figure was shown.

    Raises
    ------
    KeyError
        If there is no such fit, or a set of the path is not observed.
    ValueError
        If the features differ, or `kind`, `basis` or `components` does not fit.
    """
    check_one_of(kind, "kind", KINDS)
    n_panels, n_frames = check_count(n_panels, "n_panels"), check_count(n_frames, "n_frames", minimum=2)
    moves = str(save).lower().endswith(".gif")
    if moves and kind != "panels":
        msg = f"A GIF shows moving cells, got `kind={kind!r}`. Leave `kind` out, or save to another format."
        raise ValueError(msg)
    way = read_way(adata, path, basis=basis, components=components, with_ot=ot)
    if moves:
        axes = _animated(way, ax, cmap, title, str(save), n_frames=n_frames)
    elif kind == "panels":
        axes = _panels(way, way.some(n_panels), ax, cmap, title)
    else:
        n_rows = len(way.times) if len(way.times) <= MAX_RIDGES else max(n_panels, 11)
        axes = _ridges(way, way.some(n_rows), ax, cmap, title)
    kept = finish(axes, own=ax is None, show=show, save=None if moves else save)
    if moves and ax is None:
        plt.close(axes[0].figure)  # type: ignore[arg-type]
    return axes if kept else None


def _panels(way: Way, steps: np.ndarray, ax: Axes | None, cmap: str, title: str | None) -> list[Axes]:
    low, high = way.limits()
    size = (2.1, 0.6 + 1.8 * way.proportion())
    axes = panels(len(steps) * len(way.clouds), ax=ax, size=size, max_columns=len(steps))
    colors = way.colors(cmap)
    for row, (kind, cloud) in enumerate(way.clouds.items()):
        for panel, step in zip(axes[row * len(steps) :], steps, strict=False):
            _cloud(panel, way, cloud[step], colors[step], low, high)
            if row == 0:
                panel.set_title(way.heading(step), fontsize="small", loc="left", color=INK)
        _label_row(axes[row * len(steps)], way, kind)
    for panel in axes[-len(steps) :]:
        panel.set_xlabel(way.labels[0], fontsize="small")
    return _entitled(axes, title)


def _cloud(ax: Axes, way: Way, points: np.ndarray, color: str, low: np.ndarray, high: np.ndarray) -> PathCollection:
    area = np.clip(2500 / len(points), 2, 10)
    ax.scatter(
        way.observed[:, 0],
        way.observed[:, 1],
        s=np.clip(4000 / len(way.observed), 1.5, area),
        c=GREY,
        linewidths=0,
        alpha=0.6,
    )
    drawn = ax.scatter(points[:, 0], points[:, 1], s=area, c=color, linewidths=0, alpha=0.8)
    quiet(ax)
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal" if way.is_metric else "auto")
    ax.locator_params(nbins=3)
    return drawn


def _label_row(ax: Axes, way: Way, kind: str) -> None:
    label = way.labels[1] if len(way.clouds) == 1 else f"{_ROWS[kind]}\n{way.labels[1]}"
    ax.set_ylabel(label, fontsize="small")


def _ridges(way: Way, steps: np.ndarray, ax: Axes | None, cmap: str, title: str | None) -> list[Axes]:
    axes = panels(len(way.clouds), ax=ax, size=(3.4, 0.9 + 0.34 * len(steps)), max_columns=2)
    low, high = way.limits()
    colors = [way.colors(cmap)[step] for step in steps]
    labels = [way.heading(step).strip() for step in steps]
    for i, (panel, (kind, cloud)) in enumerate(zip(axes, way.clouds.items(), strict=True)):
        draw_ridges(panel, cloud[steps, :, 0], labels if i == 0 else [""] * len(steps), colors, (low[0], high[0]))
        panel.set_xlabel(way.labels[0], fontsize="small")
        if len(way.clouds) > 1:
            panel.set_title(_ROWS[kind], fontsize="small", loc="left", color=INK)
    return _entitled(axes, title)


def _animated(way: Way, ax: Axes | None, cmap: str, title: str | None, save: str, *, n_frames: int) -> list[Axes]:
    low, high = way.limits()
    axes = panels(len(way.clouds), ax=ax, size=(3.6, 0.7 + 3.1 * way.proportion()), max_columns=2)
    gradient, drawn = mpl.colormaps[cmap], []
    for panel, (kind, cloud) in zip(axes, way.clouds.items(), strict=True):
        drawn.append(_cloud(panel, way, cloud[0], way.colors(cmap)[0], low, high))
        panel.set_xlabel(way.labels[0], fontsize="small")
        _label_row(panel, way, kind)
    _entitled(axes, title)

    def tell(time: float) -> None:
        axes[0].set_title(way.tell(time), fontsize="small", loc="left", color=INK)
        share = (time - way.times[0]) / (way.times[-1] - way.times[0])
        for cloud in drawn:
            cloud.set_facecolor(gradient(LAST_SHADE * share))

    animate(drawn, list(way.clouds.values()), way.times, tell, save, n_frames=n_frames)
    return axes


def _entitled(axes: list[Axes], title: str | None) -> list[Axes]:
    if title is not None:
        axes[0].get_figure(root=True).suptitle(title, fontsize="medium", x=0.01, ha="left")  # type: ignore[union-attr]
    return axes
