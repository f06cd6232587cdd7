from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.collections import PathCollection
from matplotlib.ticker import LogLocator, NullFormatter
from scipy import sparse

from scgde import _keys
from scgde._checks import as_names
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.pl._draw import (
    COLORS,
    GREY,
    INK,
    LEGEND_STYLE,
    check_kinds,
    draw_panels,
    panel_titles,
    training_features,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes

KINDS = ("mean_variance", "zeros", "library_size")
_TITLES = {"mean_variance": "variances", "zeros": "zeros", "library_size": "counts"}
_HALF, _OTHER, _GENERATED = "half of the cells", "the other half", "generated"


class _Clouds(NamedTuple):
    """Counts of both halves of the observed cells and of generated ones, sparse, shape ``(n, G)`` each."""

    half: Any
    other: Any
    generated: Any


@checked_keywords
@shared_docs
def counts(
    adata: AnnData,
    generated: AnnData,
    *,
    key: str = "gde",
    sets: str | Sequence[str] | None = None,
    kinds: str | Sequence[str] = KINDS,
    title: str | Sequence[str] | None = None,
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | Path | None = None,
) -> list[Axes] | None:
    """Generated counts next to observed ones: variances and zeros of genes, and library sizes.

    The observed cells of each set are split at random. One half stands for the truth, and what the other half differs
    from it is what no model can be blamed for. Of each set, as many cells are taken of both halves and of the generated
    ones. Best of sets that the fit did not see.

    Parameters
    ----------
    adata
        Observed cells, with a fit of counts, see :func:`scgde.tl.fit_gde`.
    generated
        Generated counts of named sets, see :func:`scgde.tl.generate`.
    key
        %(key)s
    sets
        Names of the sets whose cells are pooled; by default all of `generated`.
    kinds
        ``"mean_variance"``: mean and variance of each gene, and the line of Poisson counts. ``"zeros"``: share of cells
        without a count of a gene. ``"library_size"``: share of cells below a number of counts.
    title
        %(titles)s
    ax
        %(ax)s
    show
        %(show)s
    save
        %(save)s

    Returns
    -------
    %(returns_axes_per_kind)s

    Raises
    ------
    KeyError
        If there is no fit, or a set is missing among the observed or the generated cells.
    ValueError
        If the genes differ, or a kind is unknown.

    Examples
    --------
    >>> import scgde
    >>> counted = scgde.datasets.cohort(20, n_genes=50, seed=0)
    >>> model = scgde.tl.fit_gde(counted, "donor", layer="counts", cells="counts")
    >>> cells = scgde.tl.generate(counted, ["donor_00", "donor_01"], n_cells=100)
    >>> axes = scgde.pl.counts(counted, cells, show=False)
    """
    kinds = check_kinds(kinds, KINDS)
    clouds = _clouds(adata, generated, key, sets)
    draw = {"mean_variance": _draw_variances, "zeros": _draw_zeros, "library_size": _draw_library_sizes}
    return draw_panels(
        [partial(draw[kind], clouds=clouds) for kind in kinds],
        panel_titles(title, [_title(kind, clouds) for kind in kinds]),
        size=(3.3, 3.1),
        max_columns=3,
        ax=ax,
        show=show,
        save=save,
    )


def _clouds(adata: AnnData, generated: AnnData, key: str, sets: str | Sequence[str] | None) -> _Clouds:
    if "set" not in generated.obs:
        msg = f"`generated.obs` must hold 'set', as `scgde.tl.generate` writes it. Columns: {list(generated.obs)}."
        raise KeyError(msg)
    observed, labels = training_features(adata, key), adata.obs[_keys.set_column(key)].astype(object)
    if generated.n_vars != observed.shape[1]:
        msg = f"`generated` must have the {observed.shape[1]} genes of the fit, got {generated.n_vars} features."
        raise ValueError(msg)
    made = generated.obs["set"].astype(object)
    names = made.unique().tolist() if sets is None else as_names(sets)
    for where, found in (("generated", made), ("observed", labels)):
        missing = sorted(set(names) - set(found))
        if missing:
            msg = f"`sets` must be generated and observed, but {missing[0]!r} is not {where}."
            raise KeyError(msg)
    parts = [_matched_rows(labels == name, made == name) for name in names]
    half, other, drawn = (np.sort(np.concatenate(rows)) for rows in zip(*parts, strict=True))
    one, two = (sparse.csr_matrix(observed[rows]) for rows in (half, other))
    return _Clouds(one, two, sparse.csr_matrix(generated.X[drawn]))


def _matched_rows(of_set: pd.Series, made: pd.Series) -> list[np.ndarray]:
    """Rows of two halves of the cells of a set and of generated ones, as many of each: all sets count alike in all."""
    rng = np.random.default_rng(0)
    observed, generated = (rng.permutation(np.flatnonzero(where)) for where in (of_set, made))
    n = min(len(observed) // 2, len(generated))
    return [observed[:n], observed[n : 2 * n], generated[:n]]


def _title(kind: str, clouds: _Clouds) -> str:
    n_cells, n_genes = clouds.generated.shape
    n = f"{n_cells:,} cells" if kind == "library_size" else f"{n_genes:,} genes"
    return f"{_TITLES[kind]} of {n}"


def _mean(x: Any) -> np.ndarray:
    return np.asarray(x.mean(axis=0), dtype=float).ravel()


def _draw_variances(ax: Axes, clouds: _Clouds) -> None:
    for x, label, color in ((clouds.other, _OTHER, GREY), (clouds.generated, _GENERATED, COLORS[0])):
        mean = _mean(x)
        variance = _mean(x.multiply(x)) - mean**2
        seen = (mean > 0) & (variance > 0)
        ax.scatter(mean[seen], variance[seen], s=7, c=color, linewidths=0, alpha=0.6, label=label)
    ends = np.array(ax.get_xlim()).clip(min=_mean(clouds.other)[_mean(clouds.other) > 0].min())
    ax.plot(ends, ends, color=INK, linewidth=0.8, linestyle=":", label="Poisson: variance = mean")
    ax.set(xscale="log", yscale="log", xlabel="mean", ylabel="variance")
    _add_legend(ax)


def _draw_zeros(ax: Axes, clouds: _Clouds) -> None:
    half, other, made = (1 - _mean(x > 0) for x in clouds)
    ax.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=":", label="equal")
    for zeros, label, color in ((other, _OTHER, GREY), (made, _GENERATED, COLORS[0])):
        ax.scatter(half, zeros, s=7, c=color, linewidths=0, alpha=0.6, label=label)
    ax.set(xlabel=f"share of zeros, {_HALF}", ylabel="share of zeros")
    _add_legend(ax)


def _draw_library_sizes(ax: Axes, clouds: _Clouds) -> None:
    styles = ((_HALF, GREY, "-"), (_OTHER, GREY, "--"), (_GENERATED, COLORS[0], "-"))
    for x, (label, color, style) in zip(clouds, styles, strict=True):
        size = np.sort(np.asarray(x.sum(axis=1)).ravel())
        share = np.arange(1, len(size) + 1) / len(size)
        ax.plot(np.maximum(size, 1), share, color=color, linestyle=style, drawstyle="steps-post", label=label)
    ax.set(xscale="log", xlabel="counts", ylabel="share of cells below")
    ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.xaxis.set_minor_formatter(NullFormatter())
    _add_legend(ax)


def _add_legend(ax: Axes) -> None:
    position: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.2)}
    box = ax.legend(labelcolor=INK, **position, **LEGEND_STYLE)
    for handle in box.legend_handles:
        if isinstance(handle, PathCollection):
            handle.set_sizes([20])
