from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection
from scipy.spatial import cKDTree

from scgde import _keys
from scgde._checks import check_count, check_set_table
from scgde._docs import shared_docs
from scgde.pl._draw import (
    GREY,
    are_two_features,
    check_n_features,
    coordinate_plane,
    dense_rows,
    despine,
    draw_rows,
    feature_plane,
    panels,
    save_or_show,
    set_title,
    training_features,
    widen_for_legends,
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
    """Paths of transported cells over the observed ones.

    Parameters
    ----------
    adata
        Observed cells, with the fit.
    transported
        From :func:`scgde.tl.transport` or :func:`scgde.tl.forecast` with ``n_times`` above 2.
    key
        %(key)s
    basis
        ``"pca"``: principal components of the observed cells, where there are more than two features. None: the
        features themselves, or two names of them. Another name: the entry of ``obsm`` with or without ``X_``, in which
        a transported cell lies between the observed cells that are nearest in the features.
    components
        %(components)s
    n_paths
        Random cells whose paths are drawn.
    cmap
        Colours from the start of a path to its end.
    title
        %(title)s None: none.
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
        If the features differ, or `transported` holds one time only.
    """
    n_paths = check_count(n_paths, "n_paths")
    check_set_table(adata.uns, key, entry=_keys.PARAMS, made_by="scgde.tl.fit_tde")
    times, paths = _paths(transported, n_paths)
    observed = dense_rows(training_features(adata, key), np.arange(adata.n_obs))
    check_n_features(transported.n_vars, observed.shape[1], "transported", "scgde.tl.transport")
    rows = draw_rows(np.arange(len(observed)), _MAX_OBSERVED)
    cells = paths.reshape(-1, transported.n_vars)
    if isinstance(basis, str) and basis != "pca":
        positions, labels = _positions_in_entry(adata, basis, components)
        points, background = _mean_of_neighbors(observed, positions, cells), positions[rows]
    else:
        names = list(transported.var_names)
        _check_basis(basis, names)
        plane = feature_plane(observed[rows], names, basis, components)
        points, background, labels = plane(cells), plane(observed[rows]), plane.labels
    (panel,) = panels(1, ax=ax, size=(4.0, 3.8), max_columns=1)
    _draw_paths(panel, background, points.reshape(*paths.shape[:2], 2), times, cmap)
    despine(panel)
    panel.set(xlabel=labels[0], ylabel=labels[1])
    set_title(panel, title)
    if ax is None:
        widen_for_legends([panel])
    return panel if save_or_show([panel], own=ax is None, show=show, save=save) else None


def _paths(transported: AnnData, n_paths: int) -> tuple[np.ndarray, np.ndarray]:
    """Times ``(T,)``, and the paths of some cells ``(n, T, G)``."""
    missing = {"t", "cell"} - set(transported.obs)
    if missing:
        msg = f"`transported` must come from `scgde.tl.transport`, but its `obs` lacks {sorted(missing)}."
        raise KeyError(msg)
    times = np.unique(transported.obs["t"])
    if len(times) < 2 or transported.n_obs % len(times):
        msg = (
            f"`transported` must hold every cell at several times, got times {times.tolist()}. Pass `n_times` above 2."
        )
        raise ValueError(msg)
    # Times come one after the other, each with the cells in the same order.
    cells = np.asarray(transported.X, dtype=float).reshape(len(times), -1, transported.n_vars)
    n_cells = cells.shape[1]
    drawn = np.sort(np.random.default_rng(0).choice(n_cells, min(n_paths, n_cells), replace=False))
    return times, cells[:, drawn].transpose(1, 0, 2)


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


def _draw_paths(ax: Axes, observed: np.ndarray, points: np.ndarray, times: np.ndarray, cmap: str) -> None:
    ax.scatter(observed[:, 0], observed[:, 1], s=np.clip(4000 / len(observed), 1, 8), c=GREY, linewidths=0, alpha=0.6)
    segments = np.stack([points[:, :-1], points[:, 1:]], axis=2).reshape(-1, 2, 2)
    middle = np.tile((times[:-1] + times[1:]) / 2, len(points))
    lines = LineCollection(list(segments), array=middle, cmap=mpl.colormaps[cmap], linewidths=0.7, alpha=0.8)
    lines.set_clim(0, 1)
    ax.add_collection(lines)
    ax.scatter(points[:, -1, 0], points[:, -1, 1], s=6, color=mpl.colormaps[cmap](1.0), linewidths=0)
    ax.autoscale_view()
