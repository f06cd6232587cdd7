"""What every map of sets consists of: a column of the set table, areas of points, a plane, its axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator, NullLocator

from scgde._checks import check_positive
from scgde._columns import is_numeric
from scgde._hints import did_you_mean
from scgde.pl._draw.colors import as_numbers
from scgde.pl._draw.figure import despine, set_title
from scgde.pl._draw.projection import coordinate_plane, principal_plane

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from scgde.pl._draw.projection import Plane

#: Of the largest set where areas grow with a column, in square points.
LARGEST_AREA = 150


def table_column(table: pd.DataFrame, name: str, argument: str) -> pd.Series:
    """Column of the set table that ``argument`` of a public function names."""
    if name not in table.columns:
        msg = (
            f"`{argument}` must name columns of the set table, got {name!r}. Columns: {list(table.columns)}. "
            "A column of `adata.obs` is among them if it is constant within every set."
            f"{did_you_mean(name, table.columns)}"
        )
        raise KeyError(msg)
    return table[name]


def default_areas(n_points: int) -> np.ndarray:
    """Areas in square points that suit the number of points, shape ``(n_points,)``."""
    return np.full(n_points, np.clip(5000 / n_points, 3, 50))


def set_areas(table: pd.DataFrame, size: float | str | None) -> np.ndarray:
    """Area of each set in square points, shape ``(S,)``: one for all, or in proportion to a column."""
    if size is None:
        return default_areas(len(table))
    if not isinstance(size, str):
        return np.full(len(table), check_positive(size, "size"))
    column = table_column(table, size, "size")
    values = as_numbers(column) if is_numeric(column) else np.zeros(len(column))
    if not np.nanmax(values, initial=0) > 0:
        msg = f"`size` must name a column of positive numbers, got {size!r} of type {column.dtype}."
        raise ValueError(msg)
    return np.clip(LARGEST_AREA * np.nan_to_num(values) / np.nanmax(values), 4, None)


def set_plane(coordinates: np.ndarray, key: str, basis: str | None, components: tuple[int, int]) -> Plane:
    """Plane in which sets at ``coordinates`` ``(S, E)`` are drawn."""
    if basis == "pca":
        return principal_plane(coordinates, components)
    name = f"{key} " if basis is None else "UMAP"
    return coordinate_plane([f"{name}{i + 1}" for i in range(coordinates.shape[1])], components)


def set_map_title(name: str | None, n_sets: int) -> str:
    """Column by which sets are coloured, if any, and how many points there are."""
    return f"{n_sets:,} sets" if name is None else f"{name}, {n_sets:,} sets"


def frame_set_map(ax: Axes, labels: tuple[str, str], title: str, *, ticks: bool) -> None:
    """Label the axes of a map, on which distances mean something."""
    despine(ax)
    ax.set(xlabel=labels[0], ylabel=labels[1])
    set_title(ax, title)
    # One unit has the same length on both axes: what looks near is near.
    ax.set_aspect("equal", adjustable="datalim")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]) if ticks else NullLocator())
