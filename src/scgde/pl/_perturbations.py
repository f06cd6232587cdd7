from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch

from scgde import _keys
from scgde._checks import as_names, check_count
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.pl._draw import (
    GREY,
    INK,
    LEGEND_STYLE,
    as_categories,
    frame_set_map,
    panels,
    place_labels,
    save_or_show,
    set_plane,
    widen_for_legends,
)
from scgde.sets._entries import read_entries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from anndata import AnnData
    from matplotlib.axes import Axes

    from scgde.pl._draw import Palette


@checked_keywords
@shared_docs
def perturbations(
    adata: AnnData,
    perturbations: str | Sequence[str] | None = None,
    *,
    context: str | Sequence[str] | None = None,
    n_names: int = 12,
    key: str = "tde",
    components: tuple[int, int] = (0, 1),
    palette: Palette | None = None,
    title: str | None = None,
    legend: bool = True,
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | Path | None = None,
) -> Axes | None:
    """Effects of perturbations as arrows, from the control of their context to their embedding.

    All controls lie at the origin, so that the same perturbation in two contexts can be compared. Arrows that point the
    same way stand for the same kind of change, and an arrow as long as those of perturbations without an effect stands
    for none: lengths are not free of noise, see :func:`scgde.tl.compare_sets`.

    Parameters
    ----------
    adata
        With a fit on pairs of :func:`scgde.pp.perturbation_pairs`, see :func:`scgde.tl.fit_tde`.
    perturbations
        Those to draw in colour and to name; by default the ``n_names`` with the longest arrows. All others are grey.
    context
        Contexts to draw; all by default.
    n_names
        Perturbations that are named.
    key
        %(key)s
    components
        Of the principal components of the displacements: %(components)s
    palette
        Colours of contexts, as in :func:`scgde.pl.embedding`.
    title
        %(title)s
    legend
        %(legend)s
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
        If there is no fit on perturbations, or no such perturbation or context.
    ValueError
        If ``components`` or ``palette`` does not fit the data.

    Examples
    --------
    >>> import scgde
    >>> axes = scgde.pl.perturbations(screen, ["p_0", "p_1"], show=False)
    """
    n_names = check_count(n_names, "n_names", minimum=0)
    pairs = _pairs(adata, key)
    displacement = _displacement(adata, key, pairs)
    plane = set_plane(np.concatenate([displacement, -displacement]), key, "pca", components)
    pairs = pairs.assign(x=displacement @ plane.directions[0], y=displacement @ plane.directions[1])
    pairs["length"] = np.linalg.norm(displacement, axis=1)
    drawn = _of_contexts(pairs, context)
    names = _named(drawn, perturbations, n_names)
    axes = panels(1, ax=ax, size=(5.2, 4.4), max_columns=1)
    frame_set_map(axes[0], plane.labels, title or "", ticks=True)
    _draw_arrows(axes[0], drawn, names, palette, legend=legend)
    if ax is None:
        widen_for_legends(axes)
    return axes[0] if save_or_show(axes, own=ax is None, show=show, save=save) else None


def _pairs(adata: AnnData, key: str) -> pd.DataFrame:
    pairs = read_entries(adata, key, entry=_keys.PAIRS, made_by="scgde.tl.fit_tde")[_keys.PAIRS]
    if "perturbation" not in pairs:
        msg = f"`adata.uns[{key!r}]['pairs']` must be of perturbations. Make them with `scgde.pp.perturbation_pairs`."
        raise KeyError(msg)
    return pairs if "context" in pairs else pairs.assign(context="")


def _displacement(adata: AnnData, key: str, pairs: pd.DataFrame) -> np.ndarray:
    """Embedding of each target minus that of its control, shape ``(n, E)``."""
    stored = read_entries(adata, key)
    rows = [stored[_keys.SETS].index.get_indexer(pd.Index(pairs[end])) for end in ("source", "target")]
    z = np.asarray(stored[_keys.EMBEDDING], dtype=float)
    return z[rows[1]] - z[rows[0]]


def _of_contexts(pairs: pd.DataFrame, context: str | Sequence[str] | None) -> pd.DataFrame:
    if context is None:
        return pairs
    names = as_names(context)
    missing = sorted(set(names) - set(pairs["context"]))
    if missing:
        msg = f"`context` must name contexts of the fit, got {missing}. Contexts: {pairs['context'].unique().tolist()}."
        raise KeyError(msg)
    return pairs[pairs["context"].isin(names)]


def _named(pairs: pd.DataFrame, perturbations: str | Sequence[str] | None, n_names: int) -> list[str]:
    """Perturbations in colour, those with the longest arrows first."""
    longest = pairs.groupby("perturbation", observed=True)["length"].mean().sort_values(ascending=False)
    if perturbations is None:
        return longest.index[:n_names].tolist()
    names = as_names(perturbations)
    missing = [name for name in names if name not in longest]
    if missing:
        msg = f"`perturbations` must be those of the fit, got {missing[:5]}. Some: {longest.index[:5].tolist()}."
        raise KeyError(msg)
    return names


def _draw_arrows(ax: Axes, pairs: pd.DataFrame, names: list[str], palette: Palette | None, *, legend: bool) -> None:
    contexts = as_categories(pairs["context"], palette)
    is_named = pairs["perturbation"].isin(names).to_numpy()
    points = pairs[["x", "y"]].to_numpy()
    for row in np.argsort(is_named, kind="stable"):
        color = contexts.colors[contexts.codes[row]] if is_named[row] else GREY
        arrow = FancyArrowPatch(
            (0, 0),
            tuple(points[row]),
            arrowstyle="-|>",
            mutation_scale=9,
            shrinkA=0,
            shrinkB=0,
            color=color,
            linewidth=1.3 if is_named[row] else 0.6,
            alpha=0.9 if is_named[row] else 0.6,
        )
        ax.add_patch(arrow)
    ax.update_datalim(np.concatenate([points, np.zeros((1, 2))]))
    ax.margins(x=0.35, y=0.1)  # room for names
    ax.autoscale_view()
    ax.plot(0, 0, "o", color=INK, markersize=4, zorder=3)
    ends = pairs[is_named].groupby("perturbation", observed=True)[["x", "y"]].mean().loc[names]
    place_labels(ax, ends.to_numpy(), names)
    if legend and len(contexts.names) > 1:
        handles = [
            Line2D([], [], color=color, label=name) for name, color in zip(contexts.names, contexts.colors, strict=True)
        ]
        ax.legend(handles=handles, loc="center left", bbox_to_anchor=(1, 0.5), **LEGEND_STYLE)
