"""Images on a path of ``tl.interpolate``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scgde.pl._draw.cells import draw_rows
from scgde.pl._draw.figure import INK, panels
from scgde.pl._draw.images import ChannelColors, channel_names, draw_side_by_side, images_of, tile
from scgde.pl._draw.path import PathSteps, features_of_path, observed_cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData
    from matplotlib.axes import Axes

#: Images that are followed along a path.
N_ROWS = 6


def draw_image_path(
    adata: AnnData,
    path: AnnData,
    steps: PathSteps,
    drawn: np.ndarray,
    *,
    ax: Axes | None,
    channels: Sequence[int] | None,
) -> list[Axes]:
    """One panel for each step, and one for the observed cells of the set at either end."""
    n_rows = min(N_ROWS, steps.n_cells)
    first, *_, last = (
        images[draw_rows(np.arange(len(images)), n_rows)]
        for images in observed_cells(adata, features_of_path(adata, steps), steps)
    )
    made = images_of(path, adata, steps.key, "path", "scgde.tl.interpolate")
    made = made.reshape(len(steps.times), steps.n_cells, *made.shape[1:])[drawn, :n_rows]
    colors = ChannelColors.of(np.concatenate([first, last]), channels, channel_names(adata, steps.key))
    titles = [f"{steps.names[0]}\nobserved", *map(steps.title, drawn), f"{steps.names[-1]}\nobserved"]
    axes = panels(len(titles), ax=ax, size=(1.0, 0.4 + 0.9 * n_rows), max_columns=len(titles))
    for panel, images, heading in zip(axes, [first, *made, last], titles, strict=True):
        draw_side_by_side(panel, [tile(colors(images), 1)], [""])
        panel.set_title(heading, fontsize="small", loc="left", color=INK)
    colors.add_legend(axes[-1])
    return axes
