from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scgde import _keys
from scgde._checks import check_one_of
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.pl._draw import (
    add_area_legend,
    as_numbers,
    draw_points,
    frame_set_map,
    panel_titles,
    panels,
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

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes

    from scgde._types import Config
    from scgde.pl._draw import Palette


@checked_keywords
@shared_docs
def embedding(
    adata: AnnData,
    *,
    key: str = "gde",
    color: str | Sequence[str] | None = None,
    basis: str | None = "pca",
    components: tuple[int, int] = (0, 1),
    size: float | str | None = None,
    palette: Palette | None = None,
    cmap: str = "viridis",
    title: str | Sequence[str] | None = None,
    legend: bool = True,
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | Path | None = None,
) -> Axes | list[Axes] | None:
    """Map of the sets: one point per set, at its embedding.

    Parameters
    ----------
    adata
        With a fit, see :func:`scgde.tl.fit_gde`.
    key
        %(key)s
    color
        Column of the set table (``adata.uns[key]["sets"]``), or one that was added to ``obs`` since and is constant
        within sets; or several: one panel each. Numbers get a colour bar, all else a legend, also numbers of two values
        and whole numbers of a few (ten at most, with three sets or more to a value); ordered categories take shades of
        one gradient; sets without a value lie in grey under the others. More than 20 categories are named next to their
        sets, as far as there is room.
    basis
        ``"pca"``: principal components of the embeddings of the sets. ``"umap"``: by scanpy, 15 neighbours.
        None: the dimensions of the embedding themselves.
    components
        %(components)s
    size
        Area of the points, in square points. Or a numeric column of the set table that it is proportional to,
        for example ``"n_cells"``. None: by the number of sets.
    palette
        Colours of categories: the name of a colour map, a list, or a mapping from category. None: the colours
        in ``adata.uns["<color>_colors"]`` where scanpy has put some, else a list that is safe for the colour
        blind.
    cmap
        Colour map of numbers.
    title
        %(titles)s None: the name of the column, and the number of sets.
    legend
        Whether to draw the legend or colour bar.
    ax
        %(ax)s
    show
        %(show)s
    save
        %(save)s

    Returns
    -------
    The axes, a list of them if `color` is a list; None if the figure was shown.

    Raises
    ------
    KeyError
        If there is no such fit, or no such column in the set table.
    ValueError
        If `basis`, `components` or `palette` does not fit the data.

    Examples
    --------
    >>> import scgde
    >>> axes = scgde.pl.embedding(adata, color=["composition", "severity"], show=False)
    """
    content = read_entries(adata, key)
    table: pd.DataFrame = content[_keys.SETS]
    names: list[str | None] = [color] if color is None or isinstance(color, str) else list(color)
    columns = [None if name is None else set_column(adata, name, "color", key) for name in names]
    titles = panel_titles(title, [set_map_title(name, len(table)) for name in names])
    areas, coordinates = set_areas(table, size), _coordinates(adata, content, key, basis)
    plane = set_plane(coordinates, key, basis, components)
    axes = panels(len(columns), ax=ax, size=(4.0, 3.8), max_columns=3)
    for panel, column, panel_title in zip(axes, columns, titles, strict=True):
        frame_set_map(panel, plane.labels, panel_title, ticks=basis != "umap")
        colors = stored_colors(adata, column) if palette is None else palette
        values = None if column is None else values_of(column, colors)
        draw_points(panel, plane(coordinates), areas, values, cmap=cmap, legend=legend)
        if legend and isinstance(size, str):
            add_area_legend(panel, size, as_numbers(table[size]), areas)
    if ax is None:
        widen_for_legends(axes)
    if not save_or_show(axes, own=ax is None, show=show, save=save):
        return None
    return axes[0] if color is None or isinstance(color, str) else axes


def _coordinates(adata: AnnData, content: Config, key: str, basis: str | None) -> np.ndarray:
    if basis is not None:
        check_one_of(basis, "basis", ["pca", "umap"])
    return _umap(adata, key) if basis == "umap" else np.asarray(content[_keys.EMBEDDING], dtype=float)


def _umap(adata: AnnData, key: str) -> np.ndarray:
    import scanpy as sc

    from scgde import get

    sets = get.sets(adata, key=key)
    sc.pp.neighbors(sets, use_rep="X", n_neighbors=min(15, sets.n_obs - 1), random_state=0)
    sc.tl.umap(sets, random_state=0)
    return sets.obsm["X_umap"]
