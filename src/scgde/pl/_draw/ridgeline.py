from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scgde.pl._draw.figure import INK, despine

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Height of the highest density, in rows.
OVERLAP = 2.2
_GRID = 200


def draw_ridgeline(
    ax: Axes, values: np.ndarray, labels: list[str], colors: list[str], limits: tuple[float, float]
) -> None:
    """Densities of ``values`` ``(T, n)``, one behind the other, the last one highest."""
    grid = np.linspace(*limits, _GRID)
    densities = kernel_densities(values, grid)
    densities *= OVERLAP / densities.max()
    for row in reversed(range(len(values))):
        ax.fill_between(grid, row, row + densities[row], color=colors[row], alpha=0.85, linewidth=0, zorder=-row)
        ax.plot(grid, row + densities[row], color="white", linewidth=1.2, zorder=-row)
    despine(ax)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    # Names stand on the line of their density.
    ax.set_yticks(range(len(values)), labels, va="bottom")
    ax.hlines(range(len(values)), *limits, color=INK, linewidth=0.3, zorder=1)
    highest = (densities.max(axis=1) + np.arange(len(values))).max()
    ax.set(xlim=limits, ylim=(-0.2, highest + 0.2))


def kernel_densities(values: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Gaussian kernel densities, ``(T, n)`` to ``(T, len(grid))``, with one bandwidth, so that widths compare."""
    scale = np.median(values.std(axis=1)) * values.shape[1] ** -0.2
    width = max(scale, (grid[-1] - grid[0]) / 100)
    kernels = np.exp(-0.5 * ((grid[:, None, None] - values[None]) / width) ** 2)
    return kernels.mean(axis=-1).T / (width * np.sqrt(2 * np.pi))
