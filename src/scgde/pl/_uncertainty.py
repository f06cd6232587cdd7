from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.collections import EllipseCollection
from matplotlib.colors import Normalize, to_rgba_array
from scipy import stats

from scgde import _keys
from scgde._checks import check_fraction, check_one_of, check_set_table, check_sets
from scgde.pl._colors import as_categories, as_numbers, is_continuous
from scgde.pl._embedding import _areas, _column, _frame, _plane, _stored_colors
from scgde.pl._figure import COLORS, GREY, finish, make_room, panels
from scgde.pl._points import draw_points

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes

    from scgde.pl._colors import Palette

#: Of fewer cells the embedding is not normal, and a region would say more of the method than of the set.
MIN_CELLS = 10


def uncertainty(
    adata: AnnData,
    *,
    key: str = "gde",
    color: str | None = None,
    sets: str | Sequence[str] | None = None,
    level: float = 0.95,
    basis: str | None = "pca",
    components: tuple[int, int] = (0, 1),
    size: float | str | None = None,
    palette: Palette | None = None,
    cmap: str = "viridis",
    title: str | None = None,
    legend: bool = True,
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | Path | None = None,
) -> Axes | None:
    """Map of the sets with a confidence region around each: where its population may lie.

    A region holds the embedding of the population of one set, at its place in this plane, with probability
    `level`. Regions of two sets that overlap a little may still belong to different populations, and there are
    more axes than two: compare sets with :func:`scgde.tl.compare_sets`.

    Parameters
    ----------
    adata
        With :func:`scgde.tl.uncertainty` run.
    key
        Of the fit in ``adata.uns``.
    color
        Column of the set table, as in :func:`scgde.pl.embedding`.
    sets
        Names of the sets to draw; all by default. The axes are those of all sets in either case.
    level
        Of confidence.
    basis
        ``"pca"``: principal components of the embeddings of the sets. None: the dimensions of the embedding
        themselves.
    components
        The two to draw, from 0.
    size, palette, cmap, legend
        As in :func:`scgde.pl.embedding`.
    title
        Of the axes. None: the name of the column.
    ax
        Axes to draw in.
    show
        Show the figure and return None. None: if `ax` is not given and matplotlib is interactive, as it is in
        a notebook.
    save
        File to write the figure to, format by ending. The figure is then closed, unless `ax` is given.

    Returns
    -------
    The axes; None if the figure was shown. A set of fewer than ten cells is a point without a region.

    Raises
    ------
    KeyError
        If there is no uncertainty, or no such column or set.
    ValueError
        If `basis`, `components`, `level` or `palette` does not fit the data.
    """
    check_set_table(adata.uns, key, entry=_keys.COVARIANCE, made_by="scgde.tl.uncertainty")
    if basis is not None:
        check_one_of(basis, "basis", ["pca"])
    embedding, covariance = (np.asarray(adata.uns[key][i], dtype=float) for i in (_keys.EMBEDDING, _keys.COVARIANCE))
    plane = _plane(embedding, key, basis, components)
    table: pd.DataFrame = adata.uns[key][_keys.SETS]
    rows = np.arange(len(table)) if sets is None else check_sets(table.index, sets, "`sets`")
    column = None if color is None else _column(table, color, "color").iloc[rows]
    colors = _stored_colors(adata, column) if palette is None else palette
    points = plane(embedding[rows])
    projected = plane.directions @ covariance[rows] @ plane.directions.T
    radii = _radii(table[_keys.N_CELLS].to_numpy()[rows], check_fraction(level, "level"))

    axes = panels(1, ax=ax, size=(4.6, 4.2), max_columns=1)
    _frame(axes[0], plane.labels, (color or "") if title is None else title, ticks=True)
    _draw_regions(axes[0], points, projected * radii[:, None, None] ** 2, _rgba(column, colors, cmap, n=len(rows)))
    draw_points(axes[0], points, _areas(table.iloc[rows], size), column, palette=colors, cmap=cmap, legend=legend)
    if ax is None:
        make_room(axes)
    return axes[0] if finish(axes, own=ax is None, show=show, save=save) else None


def _radii(n_cells: np.ndarray, level: float) -> np.ndarray:
    """Of the regions, in standard deviations: by Hotelling's T squared; NaN where there are too few cells."""
    df = np.maximum(n_cells, MIN_CELLS) - 2
    radii = np.sqrt(stats.f.ppf(level, 2, df) * 2 * (df + 1) / df)
    return np.where(n_cells < MIN_CELLS, np.nan, radii)


def _draw_regions(ax: Axes, points: np.ndarray, shapes: np.ndarray, colors: np.ndarray) -> None:
    """Ellipses ``{x: x' inverse(shape) x <= 1}`` around the points, where shapes are known."""
    known = np.isfinite(shapes).all(axis=(1, 2))
    points, shapes, colors = points[known], shapes[known], colors[known]
    squares, axes = np.linalg.eigh(shapes)
    lengths = 2 * np.sqrt(squares.clip(0))
    angles = np.degrees(np.arctan2(axes[:, 1, 1], axes[:, 0, 1]))
    # Many regions overlap: each is then drawn lighter.
    fill, edge = np.clip(len(points), 25, 150) ** -0.5 * np.array([0.75, 3.0])
    regions = EllipseCollection(
        lengths[:, 1],
        lengths[:, 0],
        angles,
        units="xy",
        offsets=points,
        offset_transform=ax.transData,
        facecolors=np.where(np.arange(4) < 3, colors, fill),
        edgecolors=np.where(np.arange(4) < 3, colors, edge),
        linewidths=0.8,
        zorder=0.9,
    )
    ax.add_collection(regions, autolim=False)
    reach = np.sqrt(np.diagonal(shapes, axis1=1, axis2=2).clip(0))
    ax.update_datalim(np.concatenate([points - reach, points + reach]))


def _rgba(column: pd.Series | None, palette: Palette | None, cmap: str, *, n: int) -> np.ndarray:
    """Colour of each set, shape ``(n, 4)``."""
    if column is None:
        return to_rgba_array([COLORS[0]] * n)
    if is_continuous(column):
        values = as_numbers(column)
        known = np.isfinite(values)
        limits = (values[known].min(), values[known].max()) if known.any() else (0, 1)
        colors = ScalarMappable(Normalize(*limits), cmap).to_rgba(values)
        return np.where(known[:, None], colors, to_rgba_array(GREY))
    categories = as_categories(column, palette)
    return to_rgba_array([*categories.colors, GREY])[categories.codes]
