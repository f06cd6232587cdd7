"""Names of sets and categories, cut to the room that a figure has, and placed where they cover no other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from scgde.pl._draw.figure import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation

#: Longer names of categories are cut in the middle: the end often distinguishes them.
MAX_NAME = 26


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
    """Write names at points ``(n, 2)``, outwards from the origin; those that would cover one another are moved apart.

    The limits of the axes must be final.
    """
    figure: Any = ax.get_figure(root=True)
    placed: list[tuple[float, float, float, float]] = []
    labels = []
    # From the outside to the inside: the outer ones have more room.
    for place in np.argsort(-np.linalg.norm(points, axis=1), kind="stable"):
        x, y = points[place]
        sides = ("left" if x >= 0 else "right", "bottom" if y >= 0 else "top")
        label = ax.annotate(
            shorten(names[place]),
            (x, y),
            xytext=(3 if x >= 0 else -3, 2 if y >= 0 else -2),
            textcoords="offset points",
            ha=sides[0],
            va=sides[1],
            fontsize="small",
            color=INK,
            arrowprops={"arrowstyle": "-", "color": INK, "linewidth": 0.4, "shrinkA": 0, "shrinkB": 1},
        )
        figure.draw_without_rendering()
        _move_clear(label, placed, upwards=y >= 0)
        labels.append(label)
    return labels


def _move_clear(label: Annotation, placed: list[tuple[float, float, float, float]], *, upwards: bool) -> None:
    """Move a label in steps of a third of its height until it covers none of those that stand."""
    box = label.get_window_extent()
    x, y = label.get_position()
    step = box.height / 3 * (1 if upwards else -1)
    figure: Any = label.get_figure(root=True)
    points = 72 / figure.dpi
    moves = next(i for i in range(200) if not any(_overlap(box, i * step, other) for other in placed))
    label.set_position((x, y + moves * step * points))
    placed.append((box.x0, box.x1, box.y0 + moves * step, box.y1 + moves * step))


def _overlap(box, shift: float, other: tuple[float, float, float, float]) -> bool:
    x0, x1, y0, y1 = other
    return box.x0 < x1 and x0 < box.x1 and box.y0 + shift < y1 and y0 < box.y1 + shift


def _n_common(names: list[str]) -> int:
    """Letters that all names begin with."""
    return next(
        (i for i, letters in enumerate(zip(*names, strict=False)) if len(set(letters)) > 1), min(map(len, names))
    )
