from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection
from scipy.spatial import cKDTree

from scgde import _keys
from scgde._checks import check_count, check_set_table
from scgde.pl._figure import GREY, finish, make_room, panels, quiet
from scgde.pl._generated import _dense, _features
from scgde.pl._plane import coordinate_plane, principal_plane

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from anndata import AnnData
    from matplotlib.axes import Axes

    from scgde.pl._plane import Plane

#: Observed cells that a moved cell is placed between, in a basis that is no function of the features.
_NEIGHBORS = 10
#: Observed cells that are drawn, and by which the principal axes are chosen.
_MAX_OBSERVED = 5000


def transport(
    adata: AnnData,
    moved: AnnData,
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
    """Ways of moved cells over the observed ones.

    Parameters
    ----------
    adata
        Observed cells, with the fit.
    moved
        From :func:`scgde.tl.transport` or :func:`scgde.tl.forecast` with ``n_times`` above 2.
    key
        Of the fit in ``adata.uns``.
    basis
        ``"pca"``: principal components of the observed cells, where there are more than two features. None: the
        features themselves, or two names of them. Another name: the entry of ``obsm`` with or without ``X_``, in which
        a moved cell is placed between the observed cells that are nearest in the features.
    components
        The two to draw, from 0.
    n_paths
        Random cells whose way is drawn.
    cmap
        Colours from the start of a way to its end.
    title
        Of the axes. None: none.
    ax
        Axes to draw in.
    show
        Show the figure and return None. None: if `ax` is not given and matplotlib is interactive, as it is in
        a notebook.
    save
        File to write the figure to, format by ending. The figure is then closed, unless `ax` is given.

    Returns
    -------
    The axes; None if the figure was shown.

    Raises
    ------
    KeyError
        If there is no such fit, or no such basis.
    ValueError
        If the features differ, or ``moved`` holds one time only.
    """
    n_paths = check_count(n_paths, "n_paths")
    check_set_table(adata.uns, key, entry=_keys.PARAMS, made_by="scgde.tl.fit_tde")
    times, ways = _ways(moved, n_paths)
    observed = _observed(adata, key)
    if observed.shape[1] != ways.shape[-1]:
        msg = (
            f"`moved` must have the {observed.shape[1]} training features, got {ways.shape[-1]}. "
            "Call `scgde.tl.transport` without `decode`."
        )
        raise ValueError(msg)
    rows = np.arange(len(observed))
    if len(rows) > _MAX_OBSERVED:
        rows = np.sort(np.random.default_rng(0).choice(rows, _MAX_OBSERVED, replace=False))
    flat = ways.reshape(-1, ways.shape[-1])
    names = list(moved.var_names)
    if _is_other(basis):
        places, labels = _entry(adata, str(basis), components)
        points = _between(observed, places, flat)
        background = places[rows]
    else:
        plane = _plane(observed[rows], names, basis, components)
        points, background, labels = plane(flat), plane(observed[rows]), plane.labels
    (panel,) = panels(1, ax=ax, size=(4.0, 3.8), max_columns=1)
    _draw(panel, background, points.reshape(*ways.shape[:2], 2), times, cmap)
    quiet(panel)
    panel.set(xlabel=labels[0], ylabel=labels[1])
    if title is not None:
        panel.set_title(title, loc="left", fontsize="medium")
    if ax is None:
        make_room([panel])
    return panel if finish([panel], own=ax is None, show=show, save=save) else None


def _ways(moved: AnnData, n_paths: int) -> tuple[np.ndarray, np.ndarray]:
    """Times ``(T,)``, and the way of some cells ``(n, T, G)``."""
    missing = {"t", "cell"} - set(moved.obs)
    if missing:
        msg = f"`moved` must come from `scgde.tl.transport`, but its `obs` lacks {sorted(missing)}."
        raise KeyError(msg)
    times = np.unique(moved.obs["t"])
    if len(times) < 2 or moved.n_obs % len(times):
        msg = f"`moved` must hold every cell at several times, got times {times.tolist()}. Pass `n_times` above 2."
        raise ValueError(msg)
    # Times come one after the other, each with the cells in the same order.
    cells = np.asarray(moved.X, dtype=float).reshape(len(times), -1, moved.n_vars)
    n_cells = cells.shape[1]
    kept = np.sort(np.random.default_rng(0).choice(n_cells, min(n_paths, n_cells), replace=False))
    return times, cells[:, kept].transpose(1, 0, 2)


def _observed(adata: AnnData, key: str) -> np.ndarray:
    return _dense(_features(adata, key), np.arange(adata.n_obs))


def _is_other(basis: str | Sequence[str] | None) -> bool:
    return isinstance(basis, str) and basis != "pca"


def _entry(adata: AnnData, basis: str, components: tuple[int, int]) -> tuple[np.ndarray, tuple[str, str]]:
    """Places of the observed cells in an entry of ``obsm``, shape ``(n_obs, 2)``, and labels."""
    name = basis if basis in adata.obsm else f"X_{basis}"
    if name not in adata.obsm:
        msg = f'`basis` must be "pca" or name an entry of `adata.obsm`, got {basis!r}. Entries: {list(adata.obsm)}.'
        raise KeyError(msg)
    entry = adata.obsm[name]
    values = np.asarray(entry.to_numpy() if isinstance(entry, pd.DataFrame) else entry, dtype=float)
    plane = coordinate_plane([f"{name.removeprefix('X_')} {i + 1}" for i in range(values.shape[1])], components)
    return plane(values), plane.labels


def _between(observed: np.ndarray, places: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Mean place of the nearest observed cells, the nearer the more, shape ``(n, 2)``."""
    k = min(_NEIGHBORS, len(observed))
    distance, nearest = cKDTree(observed).query(cells, k=list(range(1, k + 1)))
    weight = 1 / (distance + 1e-9 * (distance.mean() + 1e-300) + 1e-300)
    return np.einsum("nk,nkd->nd", weight / weight.sum(axis=1, keepdims=True), places[nearest])


def _plane(
    observed: np.ndarray, names: list[str], basis: str | Sequence[str] | None, components: tuple[int, int]
) -> Plane:
    if basis == "pca" and len(names) > 2:
        return principal_plane(observed, components)
    if basis is None or basis == "pca":
        return coordinate_plane(names, components)
    pair = list(basis)
    if len(pair) != 2 or not set(pair) <= set(names):
        msg = f"`basis` must name two features, got {basis!r}. Some features: {names[:10]}."
        raise KeyError(msg)
    return coordinate_plane(names, (names.index(pair[0]), names.index(pair[1])))


def _draw(ax: Axes, observed: np.ndarray, points: np.ndarray, times: np.ndarray, cmap: str) -> None:
    ax.scatter(observed[:, 0], observed[:, 1], s=np.clip(4000 / len(observed), 1, 8), c=GREY, linewidths=0, alpha=0.6)
    segments = np.stack([points[:, :-1], points[:, 1:]], axis=2).reshape(-1, 2, 2)
    middle = np.tile((times[:-1] + times[1:]) / 2, len(points))
    lines = LineCollection(list(segments), array=middle, cmap=mpl.colormaps[cmap], linewidths=0.7, alpha=0.8)
    lines.set_clim(0, 1)
    ax.add_collection(lines)
    ax.scatter(points[:, -1, 0], points[:, -1, 1], s=6, color=mpl.colormaps[cmap](1.0), linewidths=0)
    ax.autoscale_view()
