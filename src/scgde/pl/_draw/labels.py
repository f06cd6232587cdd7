"""Names of sets and categories, cut to the room that a figure has, and placed where they cover no other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import isotonic_regression

from scgde.pl._draw.figure import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation

#: Longer names of categories are cut in the middle: the end often distinguishes them.
MAX_NAME = 30
#: Height of a line of text, in inches.
_LINE = 0.16
#: Distance of a column of names from the end of the axes, in shares of the width.
_INSET = 0.02
_LINE_STYLE: dict[str, Any] = {"arrowstyle": "-", "color": INK, "linewidth": 0.4, "shrinkA": 1, "shrinkB": 1}


def shorten(name: str, *, length: int = MAX_NAME) -> str:
    """``name`` with its middle cut out where it is longer than ``length``."""
    n_last = (length - 1) // 3 + 1
    return name if len(name) <= length else f"{name[: length - 1 - n_last]}…{name[-n_last:]}"


def shorten_distinctly(names: list[str]) -> list[str]:
    """Names that fit; where one would not, what all have in common is left out first."""
    if max(map(len, names)) <= MAX_NAME:
        return names
    n_first = _n_common(names)
    n_last = _n_common([name[n_first:][::-1] for name in names])
    first, last = ("…" if n > 3 else "" for n in (n_first, n_last))
    cut = [name[n_first if first else 0 : len(name) - n_last if last else None] for name in names]
    return [shorten(f"{first}{middle}{last}") for middle in cut]


def place_labels(ax: Axes, points: np.ndarray, names: list[str]) -> list[Annotation]:
    """Write names of points ``(n, 2)`` in a column at either end of the axes, in the order of the points from below.

    Each is joined to its point by a line. The limits of the axes must be final.
    """
    figure: Any = ax.get_figure(root=True)
    figure.draw_without_rendering()  # the layout gives the axes their height
    return [
        label
        for is_left in (True, False)
        for label in _write_column(ax, points, names, np.flatnonzero((points[:, 0] < 0) == is_left), is_left=is_left)
    ]


def _write_column(
    ax: Axes, points: np.ndarray, names: list[str], rows: np.ndarray, *, is_left: bool
) -> list[Annotation]:
    rows = rows[np.argsort(points[rows, 1], kind="stable")]
    low, high = ax.get_ylim()
    heights = spread(points[rows, 1], (high - low) * _LINE / ax.get_window_extent().height * ax.figure.dpi)
    left, right = ax.get_xlim()
    edge = left + (right - left) * (_INSET if is_left else 1 - _INSET)
    return [
        ax.annotate(
            shorten(names[row]),
            tuple(points[row]),
            xytext=(edge, height),
            ha="left" if is_left else "right",
            va="center",
            fontsize="small",
            color=INK,
            arrowprops=_LINE_STYLE | {"relpos": (1 if is_left else 0, 0.5)},
        )
        for row, height in zip(rows, heights, strict=True)
    ]


def spread(values: np.ndarray, gap: float) -> np.ndarray:
    """Increasing values ``(n,)``, moved apart to ``gap`` at least and as little as that takes (in least squares)."""
    steps = gap * np.arange(len(values))
    return isotonic_regression(values - steps).x + steps if len(values) else values


def _n_common(names: list[str]) -> int:
    """Letters that all names begin with."""
    return next(
        (i for i, letters in enumerate(zip(*names, strict=False)) if len(set(letters)) > 1), min(map(len, names))
    )
