from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator, NullLocator

from scgde import _keys
from scgde._checks import check_one_of, check_positive, check_set_table
from scgde.pl._colors import as_numbers, is_continuous
from scgde.pl._figure import finish, headings, make_room, panels, quiet
from scgde.pl._plane import Plane, coordinate_plane, principal_plane
from scgde.pl._points import draw_points, explain_areas

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes

    from scgde.pl._colors import Palette

#: Of the largest set where areas grow with a column, in square points.
LARGEST_AREA = 150


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
        Of the fit in ``adata.uns``.
    color
        Column of the set table (``adata.uns[key]["sets"]``), or several: one panel each. Numbers get a colour
        bar, all else a legend; ordered categories take shades of one gradient; sets without a value lie in
        grey under the others. More than 20 categories get no legend.
    basis
        ``"pca"``: principal components of the embeddings of the sets. ``"umap"``: by scanpy, 15 neighbours.
        None: the dimensions of the embedding themselves.
    components
        The two to draw, from 0.
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
        One per panel. None: the name of the column.
    legend
        Whether to draw the legend or colour bar.
    ax
        Axes to draw in, for a single panel.
    show
        Show the figure and return None. None: if `ax` is not given and matplotlib is interactive, as it is in
        a notebook.
    save
        File to write the figure to, format by ending. The figure is then closed, unless `ax` is given.

    Returns
    -------
    The axes, a list of them if `color` is a list; None if the figure was shown.

    Raises
    ------
    KeyError
        If there is no such fit, or no such column in the set table.
    ValueError
        If `basis`, `components` or `palette` does not fit the data.
    """
    check_set_table(adata.uns, key, entry=_keys.EMBEDDING, made_by="scgde.tl.fit_gde")
    table: pd.DataFrame = adata.uns[key][_keys.SETS]
    names: list[str | None] = [color] if color is None or isinstance(color, str) else list(color)
    columns = [None if name is None else _column(table, name, "color") for name in names]
    titles = headings(title, [name or "" for name in names])
    areas, coordinates = _areas(table, size), _coordinates(adata, key, basis)
    plane = _plane(coordinates, key, basis, components)
    axes = panels(len(columns), ax=ax, size=(4.0, 3.8), max_columns=3)
    for panel, column, heading in zip(axes, columns, titles, strict=True):
        _frame(panel, plane.labels, heading, ticks=basis != "umap")
        colors = _stored_colors(adata, column) if palette is None else palette
        draw_points(panel, plane(coordinates), areas, column, palette=colors, cmap=cmap, legend=legend)
        if legend and isinstance(size, str):
            explain_areas(panel, size, as_numbers(table[size]), areas)
    if ax is None:
        make_room(axes)
    if not finish(axes, own=ax is None, show=show, save=save):
        return None
    return axes[0] if color is None or isinstance(color, str) else axes


def _column(table: pd.DataFrame, name: str, argument: str) -> pd.Series:
    if name not in table.columns:
        msg = (
            f"`{argument}` must name columns of the set table, got {name!r}. Columns: {list(table.columns)}. "
            "A column of `adata.obs` is among them if it is constant within every set."
        )
        raise KeyError(msg)
    return table[name]


def _stored_colors(adata: AnnData, column: pd.Series | None) -> dict[str, str] | None:
    """Colours that scanpy keeps for a column of the cells, by category."""
    if column is None or f"{column.name}_colors" not in adata.uns or column.name not in adata.obs:
        return None
    cells = adata.obs[column.name].astype("category")
    return dict(zip(cells.cat.categories.astype(str), adata.uns[f"{column.name}_colors"], strict=False))


def _areas(table: pd.DataFrame, size: float | str | None) -> np.ndarray:
    """Area of each point in square points."""
    if size is None:
        return np.full(len(table), np.clip(5000 / len(table), 8, 50))
    if not isinstance(size, str):
        return np.full(len(table), check_positive(size, "size"))
    column = _column(table, size, "size")
    values = as_numbers(column) if is_continuous(column) else np.zeros(len(column))
    if not np.nanmax(values, initial=0) > 0:
        msg = f"`size` must name a column of positive numbers, got {size!r} of type {column.dtype}."
        raise ValueError(msg)
    return np.clip(LARGEST_AREA * np.nan_to_num(values) / np.nanmax(values), 4, None)


def _coordinates(adata: AnnData, key: str, basis: str | None) -> np.ndarray:
    if basis is not None:
        check_one_of(basis, "basis", ["pca", "umap"])
    return _umap(adata, key) if basis == "umap" else np.asarray(adata.uns[key][_keys.EMBEDDING], dtype=float)


def _plane(coordinates: np.ndarray, key: str, basis: str | None, components: tuple[int, int]) -> Plane:
    if basis == "pca":
        return principal_plane(coordinates, components)
    name = f"{key} " if basis is None else "UMAP"
    return coordinate_plane([f"{name}{i + 1}" for i in range(coordinates.shape[1])], components)


def _umap(adata: AnnData, key: str) -> np.ndarray:
    import scanpy as sc

    from scgde import get

    sets = get.sets(adata, key=key)
    sc.pp.neighbors(sets, use_rep="X", n_neighbors=min(15, sets.n_obs - 1), random_state=0)
    sc.tl.umap(sets, random_state=0)
    return sets.obsm["X_umap"]


def _frame(ax: Axes, labels: tuple[str, str], title: str, *, ticks: bool) -> None:
    quiet(ax)
    ax.set_xlabel(labels[0])
    ax.set_ylabel(labels[1])
    ax.set_title(title, loc="left", fontsize="medium")
    # One unit has the same length on both axes: what looks near is near.
    ax.set_aspect("equal", adjustable="datalim")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]) if ticks else NullLocator())
