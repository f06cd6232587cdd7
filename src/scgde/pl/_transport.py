from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import ListedColormap
from scipy import sparse
from scipy.spatial import cKDTree

from scgde import _keys
from scgde._checks import check_count
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.pl._draw import (
    COLORS,
    DRAW_COLORS,
    GREY,
    INK,
    LAST_SHADE,
    LEGEND_STYLE,
    TransportedPaths,
    are_two_features,
    check_vectors,
    coordinate_plane,
    dense_rows,
    despine,
    draw_rows,
    feature_plane,
    panels,
    save_or_show,
    set_title,
    shorten,
    training_features,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from anndata import AnnData
    from matplotlib.axes import Axes

#: Observed cells that a transported cell lies between, in a basis that is no function of the features.
_NEIGHBORS = 10
#: Observed cells that are drawn, and that the principal components are computed from.
_MAX_OBSERVED = 5000
#: Longer names of sets are cut.
_MAX_NAME = 18


@checked_keywords
@shared_docs
def transport(
    adata: AnnData,
    transported: AnnData,
    *,
    key: str = "tde",
    basis: str | Sequence[str] | None = "pca",
    components: tuple[int, int] = (0, 1),
    n_paths: int = 200,
    cmap: str = "viridis",
    title: str | None = None,
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | Path | None = None,
) -> Axes | None:
    """Paths of transported cells over the observed ones, with those of the target set, where these are known.

    Of a forecast of several draws, each draw has a colour, and its mean an arrow; six draws are shown
    at most.

    Parameters
    ----------
    adata
        Observed cells, with the fit.
    transported
        From :func:`scgde.tl.transport` or :func:`scgde.tl.forecast`. Of cells where they arrive (``n_times=1``) a
        straight line is drawn from where they are observed; with ``n_times`` above 1, their path.
    key
        %(key)s
    basis
        ``"pca"``: principal components of the observed cells, where there are more than two features. None: the
        features themselves, or two names of them. Another name: the entry of ``obsm`` with or without ``X_``, in which
        a transported cell lies between the observed cells that are nearest in the features.
    components
        %(components)s
    n_paths
        Random cells whose paths are drawn; of a forecast, in all draws together.
    cmap
        Colours from the start of a path to its end, unless there are several draws.
    title
        %(title)s None: the number of cells, and the sets.
    ax
        %(ax)s
    show
        %(show)s
    save
        %(save)s

    Returns
    -------
    %(returns_axes)s

    Raises
    ------
    KeyError
        If there is no such fit, or no such basis.
    ValueError
        If the features differ, are counts, or source cells are missing in `adata`.

    Examples
    --------
    >>> import scgde
    >>> cells = scgde.tl.transport(clones, "clone_02|2", "clone_02|4", n_times=5)
    >>> axes = scgde.pl.transport(clones, cells, show=False)
    """
    n_paths = check_count(n_paths, "n_paths")
    if sparse.issparse(transported.X):
        msg = "`transported` must hold vectors, got counts. Draw genes on their way with `scgde.pl.genes`."
        raise ValueError(msg)
    features = training_features(adata, key, list(transported.var_names), made_by="scgde.tl.fit_tde")
    check_vectors(transported, features.shape, "transported", "scgde.tl.transport")
    observed = dense_rows(features, np.arange(adata.n_obs))
    paths = TransportedPaths.of(adata, observed, transported, n_paths)
    rows = draw_rows(np.arange(len(observed)), _MAX_OBSERVED)
    cells = paths.cells.reshape(-1, transported.n_vars)
    if isinstance(basis, str) and basis != "pca":
        positions, labels = _positions_in_entry(adata, basis, components)
        points, observed_points = _mean_of_neighbors(observed, positions, cells), positions
    else:
        names = list(transported.var_names)
        _check_basis(basis, names)
        plane = feature_plane(observed[rows], names, basis, components)
        points, observed_points, labels = plane(cells), plane(observed), plane.labels
    (panel,) = panels(1, ax=ax, size=(4.6, 3.8), max_columns=1)
    is_target = _are_of_target(adata.obs[_keys.set_column(key)], transported)
    _draw_observed(panel, observed_points[rows], observed_points[is_target])
    points = points.reshape(*paths.cells.shape[:2], 2)
    if paths.n_draws > 1:
        _draw_by_draw(panel, points, paths.draws)
    else:
        # The last shades of most gradients are too light on white.
        _draw_by_time(panel, points, paths.times, ListedColormap(mpl.colormaps[cmap](np.linspace(0, LAST_SHADE, 256))))
    panel.autoscale_view()
    despine(panel)
    panel.set(xlabel=labels[0], ylabel=labels[1])
    _add_legend(panel)
    set_title(panel, _default_title(transported, paths) if title is None else title)
    return panel if save_or_show([panel], own=ax is None, show=show, save=save) else None


def _positions_in_entry(adata: AnnData, basis: str, components: tuple[int, int]) -> tuple[np.ndarray, tuple[str, str]]:
    """Positions of the observed cells in an entry of ``obsm``, shape ``(n_obs, 2)``, and labels of the axes."""
    name = basis if basis in adata.obsm else f"X_{basis}"
    if name not in adata.obsm:
        msg = f'`basis` must be "pca" or name an entry of `adata.obsm`, got {basis!r}. Entries: {list(adata.obsm)}.'
        raise KeyError(msg)
    entry = adata.obsm[name]
    values = np.asarray(entry.to_numpy() if isinstance(entry, pd.DataFrame) else entry, dtype=float)
    plane = coordinate_plane([f"{name.removeprefix('X_')} {i + 1}" for i in range(values.shape[1])], components)
    return plane(values), plane.labels


def _mean_of_neighbors(observed: np.ndarray, positions: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Mean position of the nearest observed cells, weighted by inverse distance, shape ``(n, 2)``."""
    k = min(_NEIGHBORS, len(observed))
    distance, nearest = cKDTree(observed).query(cells, k=list(range(1, k + 1)))
    weight = 1 / (distance + 1e-9 * (distance.mean() + 1e-300) + 1e-300)
    return np.einsum("nk,nkd->nd", weight / weight.sum(axis=1, keepdims=True), positions[nearest])


def _check_basis(basis: str | Sequence[str] | None, names: list[str]) -> None:
    if basis is not None and basis != "pca" and not are_two_features(basis, names):
        msg = f"`basis` must name two features, got {basis!r}. Some features: {names[:10]}."
        raise KeyError(msg)


def _are_of_target(labels: pd.Series, transported: AnnData) -> np.ndarray:
    """Whether cells are of a set that others are transported to, so that these can be judged, shape ``(n_obs,)``."""
    targets = transported.obs["target_set"].astype(str) if "target_set" in transported.obs else pd.Series(dtype=str)
    return labels.astype(str).isin(targets.unique()).to_numpy()


def _default_title(transported: AnnData, paths: TransportedPaths) -> str:
    """How many cells go from which set to which, and in how many draws."""
    ends = [transported.obs[end].astype(str).unique() for end in ("source_set", "target_set") if end in transported.obs]
    names = [shorten(end[0], length=_MAX_NAME) if len(end) == 1 else f"{len(end)} sets" for end in ends]
    where = f": {' to '.join(names)}" if len(names) == 2 else ""
    return f"{len(paths.cells):,} cells{paths.draws_label()}{where}"


def _add_legend(ax: Axes) -> None:
    position: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.16), "ncols": 2}
    box = ax.legend(labelcolor=INK, **position, **LEGEND_STYLE)
    for handle in box.legend_handles:
        if isinstance(handle, PathCollection):
            handle.set_sizes([20])  # larger than on the map, where they are many


def _draw_observed(ax: Axes, observed: np.ndarray, target: np.ndarray) -> None:
    area = np.clip(4000 / len(observed), 1, 8)
    ax.scatter(observed[:, 0], observed[:, 1], s=area, c=GREY, linewidths=0, alpha=0.6, label="observed")
    if len(target):
        ax.scatter(
            target[:, 0],
            target[:, 1],
            s=14,
            facecolors="none",
            edgecolors=COLORS[5],
            linewidths=0.8,
            label="observed target",
        )


def _draw_by_time(ax: Axes, points: np.ndarray, times: np.ndarray, shades: ListedColormap) -> None:
    """Paths ``(n, T, 2)`` in the colours of their times."""
    middle = np.tile((times[:-1] + times[1:]) / 2, len(points))
    lines = LineCollection(_segments(points), array=middle, cmap=shades, linewidths=1.1, alpha=0.8)
    lines.set_clim(0, 1)
    ax.add_collection(lines)
    _draw_ends(ax, points[:, 0], shades(0.0), "source cells")
    _draw_ends(ax, points[:, -1], shades(1.0), "transported to t = 1")
    bar = ax.figure.colorbar(lines, ax=ax, shrink=0.7, aspect=18, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=INK, labelsize="small", length=3)
    bar.set_label("t, from source to target", fontsize="small", color=INK)


def _draw_by_draw(ax: Axes, points: np.ndarray, draws: np.ndarray) -> None:
    """Paths ``(n, T, 2)`` in the colours of their draws, with the path of the mean of each."""
    colors = np.array(DRAW_COLORS)[draws]
    ax.add_collection(LineCollection(_segments(points), colors=colors.repeat(points.shape[1] - 1), lw=0.6, alpha=0.35))
    _draw_ends(ax, points[:, 0], INK, "source cells")
    for draw in np.unique(draws):
        of_draw, color = points[draws == draw], DRAW_COLORS[draw]
        mean = of_draw.mean(axis=0)
        _draw_ends(ax, of_draw[:, -1], color, f"draw {draw + 1} at t = 1")
        ax.plot(*mean.T, color=color, linewidth=2, zorder=2.2)
        ax.annotate("", mean[-1], mean[-2], arrowprops={"arrowstyle": "-|>", "color": color}, zorder=2.3)
    ax.plot([], [], color=GREY, linewidth=2, label="mean of a draw")


def _segments(points: np.ndarray) -> list[np.ndarray]:
    return list(np.stack([points[:, :-1], points[:, 1:]], axis=2).reshape(-1, 2, 2))


def _draw_ends(ax: Axes, points: np.ndarray, color: Any, label: str) -> None:
    ax.scatter(points[:, 0], points[:, 1], s=9, color=color, linewidths=0, zorder=2.1, label=label)
