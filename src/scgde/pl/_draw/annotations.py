"""A column of the set table as a strip of colours next to a map."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.colors import Normalize, to_rgba, to_rgba_array
from matplotlib.lines import Line2D

from scgde.pl._draw.colors import MAX_LEGEND, Categories, rgba_of, values_of
from scgde.pl._draw.figure import GREY
from scgde.pl._draw.labels import shorten

if TYPE_CHECKING:
    import pandas as pd

    from scgde.pl._draw.colors import Palette

RGBA = tuple[float, float, float, float]
#: Unlike the map next to it, and without the grey of missing values.
CMAP = "plasma"
#: So many values of a column of numbers are all named, of more only the ends and the median.
MAX_MARKS = 5


class Strip(NamedTuple):
    """Colours of the sets, and what they mean.

    Attributes
    ----------
    name
        Of the column.
    colors
        Of each set, shape ``(S, 4)``.
    meaning
        Colour of each value that the legend names.
    """

    name: str
    colors: np.ndarray
    meaning: dict[str, RGBA]

    def handles(self) -> list[Line2D]:
        """Entries of a legend, under the name of the column."""
        heading = Line2D([], [], linestyle="", label=self.name)
        squares = [
            Line2D([], [], linestyle="", marker="s", color=color, label=shorten(name))
            for name, color in self.meaning.items()
        ]
        return [heading, *squares]


def strip_of(column: pd.Series, palette: Palette | None) -> Strip:
    """Strip of a column, numbers by a gradient; missing values are grey."""
    values = values_of(column, palette)
    colors, meaning = _category_colors(values) if isinstance(values, Categories) else _number_colors(values)
    if (colors == to_rgba_array(GREY)).all(axis=1).any():
        meaning["NA"] = to_rgba(GREY)
    return Strip(str(column.name), colors, meaning)


def _number_colors(values: np.ndarray) -> tuple[np.ndarray, dict[str, RGBA]]:
    known = np.isfinite(values)
    marks = np.unique(values[known])
    if len(marks) > MAX_MARKS:
        marks = np.unique(np.quantile(values[known], [0, 0.5, 1]))
    limits = (marks[0], marks[-1]) if len(marks) else (0, 1)
    gradient, scale = mpl.colormaps[CMAP], Normalize(*limits)
    colors = np.where(known[:, None], gradient(scale(np.where(known, values, limits[0]))), to_rgba(GREY))
    return colors, {f"{mark:.3g}": gradient(float(scale(mark))) for mark in marks}


def _category_colors(categories: Categories) -> tuple[np.ndarray, dict[str, RGBA]]:
    colors = rgba_of(categories, CMAP, n_values=len(categories.codes))
    if len(categories.names) > MAX_LEGEND:
        return colors, {f"{len(categories.names)} categories": (0, 0, 0, 0)}
    return colors, {name: to_rgba(color) for name, color in zip(categories.names, categories.colors, strict=True)}
