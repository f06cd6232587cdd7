from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from scipy import sparse

from scgde import _keys
from scgde._checks import check_count, check_one_of, check_set_table
from scgde.pl._figure import COLORS, GREY, SMALL_PRINT, finish, headings, make_room, panels, quiet
from scgde.pl._plane import coordinate_plane, principal_plane

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from anndata import AnnData
    from matplotlib.axes import Axes

    from scgde.pl._plane import Plane

#: Observed and generated cells of one set on two axes, shapes ``(n, 2)`` and ``(m, 2)``.
Cloud = tuple[np.ndarray, np.ndarray]
MAX_COLUMNS = 4
#: The principal axes are those of at most so many cells.
MAX_FIT = 2000


def generated(
    adata: AnnData,
    generated: AnnData,
    *,
    key: str = "gde",
    sets: Sequence[str] | None = None,
    n_panels: int = 4,
    basis: str | None = "pca",
    components: tuple[int, int] = (0, 1),
    title: str | Sequence[str] | None = None,
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | Path | None = None,
) -> list[Axes] | None:
    """Generated cells over the observed ones, one panel per set.

    Parameters
    ----------
    adata
        Observed cells, with a fit, see :func:`scgde.tl.fit_gde`.
    generated
        Generated cells of named sets, see :func:`scgde.tl.generate`.
    key
        Of the fit in ``adata.uns``.
    sets
        Names of the sets to draw. None: the first `n_panels` of `generated`.
    n_panels
        Number of sets where `sets` is not given.
    basis
        ``"pca"``: principal components of the observed cells, where there are more than two features.
        None: the features themselves.
    components
        The two to draw, from 0.
    title
        One per panel. None: the name of the set and its number of observed cells.
    ax
        Axes to draw in, for a single set.
    show
        Show the figure and return None. None: if `ax` is not given and matplotlib is interactive, as it is in
        a notebook.
    save
        File to write the figure to, format by ending. The figure is then closed, unless `ax` is given.

    Returns
    -------
    One axes per set; None if the figure was shown.

    Raises
    ------
    KeyError
        If there is no such fit, or a set is missing among the observed or the generated cells.
    ValueError
        If the features differ, or `basis` or `components` does not fit them.
    """
    check_set_table(adata.uns, key, entry=_keys.PARAMS, made_by="scgde.tl.fit_gde")
    names = _names(adata, generated, key=key, sets=sets, n_panels=n_panels)
    observed, labels = _features(adata, key), adata.obs[_keys.set_column(key)]
    _check_same_features(observed, generated)
    plane = _plane(observed, labels, list(generated.var_names), basis=basis, components=components)
    clouds = [
        (plane(_rows(observed, labels, name)), plane(_rows(generated.X, generated.obs["set"], name))) for name in names
    ]
    titles = headings(title, [f"{name} ({len(old):,} cells)" for name, (old, _) in zip(names, clouds, strict=True)])
    low, high = _limits(clouds)
    axes = panels(len(names), ax=ax, size=(2.6, _height(high - low, equal=basis is not None)), max_columns=MAX_COLUMNS)
    for panel, cloud, heading in zip(axes, clouds, titles, strict=True):
        _draw(panel, *cloud)
        quiet(panel)
        panel.set_title(heading, loc="left", fontsize="medium")
        panel.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="auto" if basis is None else "equal")
        panel.locator_params(nbins=3)
    _label(axes, plane.labels)
    _explain(axes[:MAX_COLUMNS][-1])
    if ax is None:
        make_room(axes)
    return axes if finish(axes, own=ax is None, show=show, save=save) else None


def _names(adata: AnnData, generated: AnnData, *, key: str, sets: Sequence[str] | None, n_panels: int) -> list[str]:
    """Sets to draw, each of them observed and generated."""
    if "set" not in generated.obs:
        msg = f"`generated.obs` must hold 'set', as `scgde.tl.generate` writes it, got {list(generated.obs)}."
        raise KeyError(msg)
    there = list(dict.fromkeys(generated.obs["set"].astype(str)))
    names = there[: check_count(n_panels, "n_panels")] if sets is None else [str(name) for name in sets]
    known = set(map(str, adata.obs[_keys.set_column(key)].dropna().unique()))
    for name in names:
        if name not in there or name not in known:
            missing = "observed" if name in there else "generated"
            msg = f"`sets` must be observed and generated, {name!r} is not {missing}. Generated: {there[:20]}."
            raise KeyError(msg)
    return names


def _features(adata: AnnData, key: str) -> Any:
    """The features of the observed cells that the fit saw, dense, sparse or backed."""
    params = adata.uns[key][_keys.PARAMS]
    use_rep, layer = params["use_rep"], params.get("layer")
    if use_rep == "X":
        # None does not survive in h5ad: it is written as "none".
        return adata.X if layer in (None, "none") else adata.layers[layer]
    if use_rep not in adata.obsm:
        msg = f"`adata.obsm` must hold {use_rep!r}, which the fit {key!r} saw. Entries: {list(adata.obsm)}."
        raise KeyError(msg)
    return adata.obsm[use_rep]


def _check_same_features(observed: Any, generated: AnnData) -> None:
    if observed.shape[1] != generated.n_vars:
        msg = (
            f"`generated` must have the {observed.shape[1]} training features, got {generated.n_vars}. "
            "Call `scgde.tl.generate` without `decode`."
        )
        raise ValueError(msg)


def _rows(x: Any, labels: pd.Series, name: str) -> np.ndarray:
    """Cells of one set, dense."""
    column = pd.Categorical(labels)
    return _dense(x, np.flatnonzero(column.codes == list(map(str, column.categories)).index(name)))


def _dense(x: Any, rows: np.ndarray) -> np.ndarray:
    picked: Any = x.iloc[rows] if isinstance(x, pd.DataFrame) else x[rows]
    return np.asarray(picked.toarray() if sparse.issparse(picked) else picked, dtype=float)


def _plane(x: Any, labels: pd.Series, names: list[str], *, basis: str | None, components: tuple[int, int]) -> Plane:
    if basis is not None:
        check_one_of(basis, "basis", ["pca"])
    if basis is None or len(names) <= 2:
        return coordinate_plane(names, components)
    inside = np.flatnonzero(labels.notna())
    if len(inside) > MAX_FIT:
        inside = np.sort(np.random.default_rng(0).choice(inside, MAX_FIT, replace=False))
    return principal_plane(_dense(x, inside), components)


def _limits(clouds: list[Cloud]) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest point to show in every panel."""
    points = np.concatenate([cells for cloud in clouds for cells in cloud])
    # A single far generated cell must not shrink the rest.
    low, high = np.quantile(points, [0.001, 0.999], axis=0)
    margin = 0.05 * (high - low) + 1e-9
    return low - margin, high + margin


def _height(span: np.ndarray, *, equal: bool) -> float:
    """Of a panel in inches, for a panel that is 2.6 wide."""
    return 0.6 + 2 * np.clip(span[1] / span[0], 0.4, 2) if equal else 2.7


def _draw(ax: Axes, observed: np.ndarray, generated: np.ndarray) -> None:
    area = np.clip(3000 / max(len(observed), len(generated)), 2, 12)
    # Larger than what lies on them, so that they show.
    ax.scatter(observed[:, 0], observed[:, 1], s=2.5 * area, c=GREY, linewidths=0)
    ax.scatter(generated[:, 0], generated[:, 1], s=area, c=COLORS[0], linewidths=0, alpha=0.7)


def _label(axes: list[Axes], labels: tuple[str, str]) -> None:
    """Label the outer axes: left, and those without a panel below."""
    for ax in axes[-MAX_COLUMNS:]:
        ax.set_xlabel(labels[0])
    for ax in axes[::MAX_COLUMNS]:
        ax.set_ylabel(labels[1])


def _explain(ax: Axes) -> None:
    handles = [
        Line2D([], [], linestyle="", marker="o", mew=0, markersize=5, color=color, label=label)
        for color, label in ((GREY, "observed"), (COLORS[0], "generated"))
    ]
    ax.legend(handles=handles, loc="center left", bbox_to_anchor=(1, 0.5), **SMALL_PRINT)
