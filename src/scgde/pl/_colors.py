from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.colors import Colormap, to_hex

from scgde.pl._figure import COLORS

#: Name of a colour map, colours in the order of the categories, or a colour for each category.
Palette = str | Sequence[str] | Mapping[str, str]
#: A legend of more entries is not read.
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


def is_continuous(column: pd.Series) -> bool:
    """Numbers but not truth values."""
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def as_numbers(column: pd.Series) -> np.ndarray:
    """Values as floats, NaN where missing or infinite."""
    values = column.to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.isfinite(values), values, np.nan)


def as_categories(column: pd.Series, palette: Palette | None) -> Categories:
    """Categories of a column with their colours, without those that do not occur."""
    if not isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object).where(column.notna()).map(str, na_action="ignore").astype("category")
    ordered = bool(column.cat.ordered)
    names = [str(name) for name in column.cat.categories]
    colors = _colors(names, palette, ordered=ordered)
    present = np.unique(column.cat.codes[column.cat.codes >= 0])
    codes = np.where(column.cat.codes < 0, -1, np.searchsorted(present, column.cat.codes))
    return Categories(codes, [names[i] for i in present], [colors[i] for i in present])


def _colors(names: list[str], palette: Palette | None, *, ordered: bool) -> list[str]:
    if palette is None:
        return _default(len(names), ordered=ordered)
    if isinstance(palette, str):
        return spread(mpl.colormaps[palette], len(names))
    if isinstance(palette, Mapping):
        palette = [palette.get(name, "") for name in names]
    if len(palette) < len(names) or not all(palette):
        msg = f"`palette` must give a colour for each of {names}, got {palette}. Add those that are missing."
        raise ValueError(msg)
    return [to_hex(color) for color in palette]


def _default(n_names: int, *, ordered: bool) -> list[str]:
    if ordered:
        return spread(mpl.colormaps["viridis"], n_names)
    if n_names <= len(COLORS):
        return COLORS[:n_names]
    return spread(mpl.colormaps["tab20" if n_names <= MAX_LEGEND else "turbo"], n_names)


def spread(cmap: Colormap, n: int) -> list[str]:
    """``n`` colours of a map: the first ones of a list of colours, evenly spaced ones of a gradient."""
    if cmap.N < 256:
        return [to_hex(cmap(i % cmap.N)) for i in range(n)]
    # The last shades of a gradient are too light on white.
    return [to_hex(cmap(level)) for level in np.linspace(0, 0.92, n)]
