from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from matplotlib.lines import Line2D

from scgde import _keys
from scgde._checks import check_count, check_one_of
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.pl._draw import (
    COLORS,
    GREY,
    LEGEND_STYLE,
    ChannelColors,
    are_images,
    cells_of_set,
    channel_names,
    check_no_plane,
    check_vectors,
    dense_rows,
    despine,
    draw_rows,
    draw_side_by_side,
    feature_plane,
    images_of,
    limits_of,
    panel_titles,
    panels,
    save_or_show,
    set_title,
    similar_first,
    tile,
    training_features,
    widen_for_legends,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes

    from scgde.pl._draw import Plane
    from scgde.pl._draw.cells import Matrix

MAX_COLUMNS = 4
#: Images of a set in a row, and rows.
N_TILES = 6
#: Cells that the principal components are computed from, at most.
MAX_FIT = 2000


@checked_keywords
@shared_docs
def generated(
    adata: AnnData,
    generated: AnnData,
    *,
    key: str = "gde",
    sets: Sequence[str] | None = None,
    n_panels: int = 4,
    basis: str | None = "pca",
    components: tuple[int, int] = (0, 1),
    channels: Sequence[int] | None = None,
    title: str | Sequence[str] | None = None,
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | Path | None = None,
) -> list[Axes] | None:
    """Generated cells over the observed ones, one panel per set; images side by side.

    Parameters
    ----------
    adata
        Observed cells, vectors or images, with a fit, see :func:`scgde.tl.fit_gde`.
    generated
        Generated cells of named sets, see :func:`scgde.tl.generate`.
    key
        %(key)s
    sets
        Names of the sets to draw. None: the first `n_panels` of `generated`.
    n_panels
        Number of sets where `sets` is not given.
    basis
        ``"pca"``: principal components of the observed cells, where there are more than two features.
        None: the features themselves.
    components
        %(components)s
    channels
        %(channels)s
    title
        %(titles)s None: the name of the set and its number of observed cells.
    ax
        %(ax)s
    show
        %(show)s
    save
        %(save)s

    Returns
    -------
    One axes per set; None if the figure was shown.

    Raises
    ------
    KeyError
        If there is no such fit, or a set is missing among the observed or the generated cells.
    ValueError
        If the features differ, or `basis`, `components` or `channels` does not fit them.

    Examples
    --------
    >>> import scgde
    >>> cells = scgde.tl.generate(adata, ["donor_00", "donor_01"], n_cells=50)
    >>> axes = scgde.pl.generated(adata, cells, show=False)
    """
    names = _sets_to_draw(adata, generated, key=key, sets=sets, n_panels=n_panels)
    if are_images(training_features(adata, key)):
        check_no_plane(basis, components)
        axes = _draw_images(adata, generated, names, key, channels=channels, title=title, ax=ax)
    else:
        axes = _draw_clouds(adata, generated, names, key, basis=basis, components=components, title=title, ax=ax)
    if ax is None:
        widen_for_legends(axes)
    return axes if save_or_show(axes, own=ax is None, show=show, save=save) else None


def _draw_clouds(
    adata: AnnData,
    generated: AnnData,
    names: list[str],
    key: str,
    *,
    basis: str | None,
    components: tuple[int, int],
    title: str | Sequence[str] | None,
    ax: Axes | None,
) -> list[Axes]:
    observed, labels = training_features(adata, key, list(generated.var_names)), adata.obs[_keys.set_column(key)]
    check_vectors(generated, observed.shape, "generated", "scgde.tl.generate")
    plane = _plane_of_observed(observed, labels, list(generated.var_names), basis, components)
    both = ((observed, labels), (generated.X, generated.obs["set"]))
    clouds = [[plane(cells_of_set(x, sets_of_cells, name)) for x, sets_of_cells in both] for name in names]
    titles = _titles(title, names, labels)
    low, high = limits_of([cells for cloud in clouds for cells in cloud])
    aspect = _aspect(high - low, equal=basis is not None)
    axes = panels(len(names), ax=ax, size=(2.6, 2.7), max_columns=MAX_COLUMNS)
    for panel, cloud, panel_title in zip(axes, clouds, titles, strict=True):
        _draw_cells(panel, *cloud)
        despine(panel)
        set_title(panel, panel_title)
        panel.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect=aspect)
        panel.locator_params(nbins=3)
    _label_outer_axes(axes, plane.labels)
    _add_legend(axes[:MAX_COLUMNS][-1])
    return axes


def _draw_images(
    adata: AnnData,
    generated: AnnData,
    names: list[str],
    key: str,
    *,
    channels: Sequence[int] | None,
    title: str | Sequence[str] | None,
    ax: Axes | None,
) -> list[Axes]:
    observed, labels = training_features(adata, key), adata.obs[_keys.set_column(key)]
    made = images_of(generated, adata, key, "generated", "scgde.tl.generate")
    clouds = [
        [_some(cells_of_set(x, column, name)) for x, column in ((observed, labels), (made, generated.obs["set"]))]
        for name in names
    ]
    colors = ChannelColors.of(np.concatenate([old for old, _ in clouds]), channels, channel_names(adata, key))
    axes = panels(len(names), ax=ax, size=(4.2, 2.5), max_columns=2)
    for panel, cloud, panel_title in zip(axes, clouds, _titles(title, names, labels), strict=True):
        blocks = [tile(colors(images), N_TILES) for images in similar_first(*cloud)]
        draw_side_by_side(panel, blocks, ["observed", "generated"])
        set_title(panel, panel_title)
    colors.add_legend(axes[:2][-1])
    return axes


def _some(images: np.ndarray) -> np.ndarray:
    return images[draw_rows(np.arange(len(images)), N_TILES**2)]


def _titles(title: str | Sequence[str] | None, names: list[str], labels: pd.Series) -> list[str]:
    sizes = labels.astype(str).value_counts()
    return panel_titles(title, [f"{name} ({sizes[name]:,} cells)" for name in names])


def _sets_to_draw(
    adata: AnnData, generated: AnnData, *, key: str, sets: Sequence[str] | None, n_panels: int
) -> list[str]:
    """Sets to draw, each of them observed and generated."""
    if "set" not in generated.obs:
        msg = f"`generated.obs` must hold 'set', as `scgde.tl.generate` writes it, got {list(generated.obs)}."
        raise KeyError(msg)
    available = list(dict.fromkeys(generated.obs["set"].astype(str)))
    names = available[: check_count(n_panels, "n_panels")] if sets is None else [str(name) for name in sets]
    known = set(map(str, adata.obs[_keys.set_column(key)].dropna().unique()))
    for name in names:
        if name not in available or name not in known:
            missing = "observed" if name in available else "generated"
            msg = f"`sets` must be observed and generated, {name!r} is not {missing}. Generated: {available[:20]}."
            raise KeyError(msg)
    return names


def _plane_of_observed(
    observed: Matrix, labels: pd.Series, names: list[str], basis: str | None, components: tuple[int, int]
) -> Plane:
    if basis is not None:
        check_one_of(basis, "basis", ["pca"])
    rows = draw_rows(np.flatnonzero(labels.notna()), MAX_FIT)
    return feature_plane(dense_rows(observed, rows), names, basis, components)


def _aspect(span: np.ndarray, *, equal: bool) -> Literal["equal", "auto"]:
    """One unit has the same length on both axes, unless the panel would then be flat."""
    return "equal" if equal and 0.5 < span[1] / span[0] < 2 else "auto"


def _draw_cells(ax: Axes, observed: np.ndarray, generated: np.ndarray) -> None:
    area = np.clip(3000 / max(len(observed), len(generated)), 2, 12)
    # Larger than what lies on them, so that they show.
    ax.scatter(observed[:, 0], observed[:, 1], s=2.5 * area, c=GREY, linewidths=0)
    ax.scatter(generated[:, 0], generated[:, 1], s=area, c=COLORS[0], linewidths=0, alpha=0.5)


def _label_outer_axes(axes: list[Axes], labels: tuple[str, str]) -> None:
    """Label the outer axes: left, and those without a panel below."""
    for ax in axes[-MAX_COLUMNS:]:
        ax.set_xlabel(labels[0])
    for ax in axes[::MAX_COLUMNS]:
        ax.set_ylabel(labels[1])


def _add_legend(ax: Axes) -> None:
    handles = [
        Line2D([], [], linestyle="", marker="o", mew=0, markersize=5, color=color, label=label)
        for color, label in ((GREY, "observed"), (COLORS[0], "generated"))
    ]
    ax.legend(handles=handles, loc="center left", bbox_to_anchor=(1, 0.5), **LEGEND_STYLE)
