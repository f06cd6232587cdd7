from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize, to_hex, to_rgba_array

from scgde._columns import classes, is_continuous
from scgde.pl._draw.figure import COLORS, GREY

if TYPE_CHECKING:
    from anndata import AnnData

#: Name of a colour map, colours in the order of the categories, or a colour for each category.
Palette = str | Sequence[str] | Mapping[str, str]
#: A legend of more entries is too long to read.
MAX_LEGEND = 20


class Categories(NamedTuple):
    """A column of categories.

    Attributes
    ----------
    codes
        Index into ``names``, -1 where missing, shape ``(n,)``.
    names
        As shown, those that occur.
    colors
        One per name.
    """

    codes: np.ndarray
    names: list[str]
    colors: list[str]


#: Values of a column: numbers ``(n,)`` where it is continuous, else categories.
Values = np.ndarray | Categories


def values_of(column: pd.Series, palette: Palette | None, rows: np.ndarray | slice = slice(None)) -> Values:
    """Values of the ``rows`` to draw; whether they are numbers or categories, the whole column says."""
    drawn = column.iloc[rows]
    return as_numbers(drawn) if is_continuous(column) else as_categories(drawn, palette)


def as_numbers(column: pd.Series) -> np.ndarray:
    """Values as floats, NaN where missing or infinite."""
    values = column.to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.isfinite(values), values, np.nan)


def as_categories(column: pd.Series, palette: Palette | None) -> Categories:
    """Categories of a column with their colours, without those that do not occur."""
    all_codes, names = _codes_and_names(column)
    ordered = isinstance(column.dtype, pd.CategoricalDtype) and bool(column.cat.ordered)
    colors = _colors(names, palette, ordered=ordered)
    present = np.unique(all_codes[all_codes >= 0])
    codes = np.where(all_codes < 0, -1, np.searchsorted(present, all_codes))
    return Categories(codes, [names[i] for i in present], [colors[i] for i in present])


def stored_colors(adata: AnnData, column: pd.Series | None) -> dict[str, str] | None:
    """Colours that scanpy keeps for a column of the cells, by category."""
    if column is None or f"{column.name}_colors" not in adata.uns or column.name not in adata.obs:
        return None
    names = _codes_and_names(adata.obs[column.name])[1]
    return dict(zip(names, adata.uns[f"{column.name}_colors"], strict=False))


def _codes_and_names(column: pd.Series) -> tuple[np.ndarray, list[str]]:
    """Code of each value, -1 where missing, and names of all categories, also of those that do not occur."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy(), [str(name) for name in column.cat.categories]
    return classes(column)


def _colors(names: list[str], palette: Palette | None, *, ordered: bool) -> list[str]:
    if palette is None:
        return _default_colors(len(names), ordered=ordered)
    if isinstance(palette, str):
        return spread_colors(mpl.colormaps[palette], len(names))
    if isinstance(palette, Mapping):
        palette = [palette.get(name, "") for name in names]
    if len(palette) < len(names) or not all(palette):
        msg = f"`palette` must give a colour for each of {names}, got {palette}. Add those that are missing."
        raise ValueError(msg)
    return [to_hex(color) for color in palette]


def _default_colors(n_names: int, *, ordered: bool) -> list[str]:
    if ordered:
        return spread_colors(mpl.colormaps["viridis"], n_names)
    if n_names <= len(COLORS):
        return COLORS[:n_names]
    return spread_colors(mpl.colormaps["tab20" if n_names <= MAX_LEGEND else "turbo"], n_names)


def rgba_of(values: Values | None, cmap: str, *, n_values: int) -> np.ndarray:
    """Colour of each value, grey where missing, shape ``(n_values, 4)``; None: one colour for all."""
    if values is None:
        return to_rgba_array([COLORS[0]] * n_values)
    if isinstance(values, Categories):
        return to_rgba_array([*values.colors, GREY])[values.codes]
    known = np.isfinite(values)
    limits = (values[known].min(), values[known].max()) if known.any() else (0, 1)
    colors = ScalarMappable(Normalize(*limits), cmap).to_rgba(values)
    return np.where(known[:, None], colors, to_rgba_array(GREY))


def spread_colors(cmap: Colormap, n: int) -> list[str]:
    """``n`` colours of a map: the first ones of a list of colours, evenly spaced ones of a gradient."""
    if cmap.N < 256:
        return [to_hex(cmap(i % cmap.N)) for i in range(n)]
    # The last shades of a gradient are too light on white.
    return [to_hex(cmap(level)) for level in np.linspace(0, 0.92, n)]
