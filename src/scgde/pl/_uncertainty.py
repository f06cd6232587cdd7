from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import EllipseCollection
from scipy import stats

from scgde import _keys
from scgde._checks import check_fraction, check_one_of
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.pl._draw import (
    draw_points,
    draw_rows,
    frame_set_map,
    panels,
    rgba_of,
    save_or_show,
    set_areas,
    set_map_title,
    set_plane,
    stored_colors,
    values_of,
    widen_for_legends,
)
from scgde.sets._entries import read_entries
from scgde.sets._fitted_column import set_column
from scgde.sets._own_columns import counts_of_sets
from scgde.sets._set_groups import rows_of_sets

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes

    from scgde._types import SetLike
    from scgde.pl._draw import Palette

#: The embedding of fewer cells is not close to normal, and no region is drawn.
MIN_CELLS = 10
#: More regions than this cover one another: those of some sets are drawn.
MAX_REGIONS = 150


@checked_keywords
@shared_docs
def uncertainty(
    adata: AnnData,
    *,
    key: str = "gde",
    color: str | None = None,
    sets: SetLike | Sequence[SetLike] | None = None,
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

    A region holds the embedding of the population of one set, projected on this plane, with probability `level`.
    Regions of two sets that overlap a little may still belong to different populations, and there are more axes than
    two: compare sets with :func:`scgde.tl.compare_sets`.

    Parameters
    ----------
    adata
        With :func:`scgde.tl.uncertainty` run.
    key
        %(key)s
    color
        Column of the set table, as in :func:`scgde.pl.embedding`.
    sets
        Those to draw. %(sets_like)s All by default, with the regions of 150 of them at
        most, drawn at random. The axes are those of all sets in either case.
    level
        Of confidence.
    basis
        ``"pca"``: principal components of the embeddings of the sets. None: the dimensions of the embedding
        themselves.
    components
        %(components)s
    size, palette, cmap, legend
        As in :func:`scgde.pl.embedding`.
    title
        %(title)s None: the name of the column, the number of sets, and the level.
    ax
        %(ax)s
    show
        %(show)s
    save
        %(save)s

    Returns
    -------
    %(returns_axes)s A set of fewer than ten cells is a point without a region.

    Raises
    ------
    KeyError
        If there is no uncertainty, or no such column or set.
    ValueError
        If `basis`, `components`, `level` or `palette` does not fit the data.

    Examples
    --------
    >>> import scgde
    >>> scgde.tl.uncertainty(adata)
    >>> ax = scgde.pl.uncertainty(adata, color="composition", show=False)
    """
    content = read_entries(adata, key, entry=_keys.COVARIANCE, made_by="scgde.tl.uncertainty")
    if basis is not None:
        check_one_of(basis, "basis", ["pca"])
    embedding, covariance = (np.asarray(content[i], dtype=float) for i in (_keys.EMBEDDING, _keys.COVARIANCE))
    plane = set_plane(embedding, key, basis, components)
    table: pd.DataFrame = content[_keys.SETS]
    rows = np.arange(len(table)) if sets is None else rows_of_sets(adata, sets, "`sets`", key)
    column = None if color is None else set_column(adata, color, "color", key)
    colors = stored_colors(adata, column) if palette is None else palette
    values = None if column is None else values_of(column, colors, rows)
    points = plane(embedding[rows])
    projected = plane.directions @ covariance[rows] @ plane.directions.T
    radii = _radii(counts_of_sets(content, key)[rows], check_fraction(level, "level"))

    axes = panels(1, ax=ax, size=(4.6, 4.2), max_columns=1)
    drawn = draw_rows(np.arange(len(rows)), MAX_REGIONS)
    default_title = f"{set_map_title(color, len(rows))}\n{_regions_title(level, len(drawn), len(rows))}"
    frame_set_map(axes[0], plane.labels, default_title if title is None else title, ticks=True)
    shapes, colors_of_sets = projected * radii[:, None, None] ** 2, rgba_of(values, cmap, n_values=len(rows))
    _draw_regions(axes[0], points[drawn], shapes[drawn], colors_of_sets[drawn])
    draw_points(axes[0], points, set_areas(table.iloc[rows], size), values, cmap=cmap, legend=legend)
    if ax is None:
        widen_for_legends(axes)
    return axes[0] if save_or_show(axes, own=ax is None, show=show, save=save) else None


def _regions_title(level: float, n_drawn: int, n_sets: int) -> str:
    some = "" if n_drawn == n_sets else f" of {n_drawn:,} of them, at random"
    return f"{100 * level:g} % confidence regions{some}"


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
    fill, edge = np.clip(len(points), 25, 2500) ** -0.5 * np.array([0.75, 3.0])
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
