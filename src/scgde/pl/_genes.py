from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse

from scgde import _keys
from scgde._checks import as_names, check_count
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.pl._draw import COLORS, INK, LEGEND_STYLE, draw_panels, panel_titles
from scgde.pl._draw.path import sets_of_path

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from anndata import AnnData
    from matplotlib.axes import Axes

_N_COLUMNS = 3


@checked_keywords
@shared_docs
def genes(
    adata: AnnData,
    path: AnnData,
    names: str | Sequence[str] | None = None,
    *,
    n_genes: int = 6,
    key: str | None = None,
    title: str | Sequence[str] | None = None,
    ax: Axes | None = None,
    show: bool | None = None,
    save: str | Path | None = None,
) -> list[Axes] | None:
    """Genes along an interpolation or a transport: generated cells, and observed ones of the sets at the ends.

    Means of cells, with bars of two standard errors. Counts are normalised to their median library size and taken as
    ``log1p``; other values are drawn as they are.

    Parameters
    ----------
    adata
        Observed cells, with the fit.
    path
        From :func:`scgde.tl.interpolate` or :func:`scgde.tl.transport` with several times, in genes: of a fit of counts
        or with ``decode=True``.
    names
        Genes to draw. None: those with the largest change from first to last time, relative to their standard error.
    n_genes
        Number of genes where `names` is not given.
    key
        Name under which the fit was written; by default that of `path`, or ``"tde"`` for a transport.
    title
        %(titles)s None: the name of the gene.
    ax
        %(ax)s
    show
        %(show)s
    save
        %(save)s

    Returns
    -------
    One axes per gene; None if the figure was shown.

    Raises
    ------
    KeyError
        If a gene is missing in `path` or `adata`, or there is no such fit.
    ValueError
        If `path` has one time only.

    Examples
    --------
    >>> import scgde
    >>> path = scgde.tl.interpolate(adata, "donor_00", "donor_01", n_steps=5, n_cells=50, decode=True)
    >>> axes = scgde.pl.genes(adata, path, n_genes=2, show=False)
    """
    n_genes = check_count(n_genes, "n_genes")
    made = _by_time(path)
    chosen = made.index[:n_genes].tolist() if names is None else as_names(names)
    made, observed = _rows(made, chosen, "path"), _rows(_at_ends(adata, path, key), chosen, "adata")
    made, observed = made.T, observed.T
    return draw_panels(
        [
            partial(
                _draw,
                made=made[gene],
                observed=observed[gene],
                unit=_unit(path) if i % _N_COLUMNS == 0 else "",
                legend=i == min(_N_COLUMNS, len(chosen)) - 1,
            )
            for i, gene in enumerate(chosen)
        ],
        panel_titles(title, chosen),
        size=(2.6, 2.1),
        max_columns=_N_COLUMNS,
        ax=ax,
        show=show,
        save=save,
    )


def _by_time(path: AnnData) -> pd.DataFrame:
    """Mean and standard error of each gene at each time, columns ``(time, which)``; largest change first."""
    times = np.unique(path.obs["t"]) if "t" in path.obs else np.array([])
    if len(times) < 2:
        msg = f"`path` must hold two times or more in `obs['t']`, got {times.tolist()}. Pass `n_steps` or `n_times`."
        raise ValueError(msg)
    groups = {float(t): (path.obs["t"] == t).to_numpy() for t in times}
    table = _summary(_values(path.X, path), path.var_names, groups)
    first, last = table[times[0]], table[times[-1]]
    change = (last["mean"] - first["mean"]).abs() / np.hypot(first["error"], last["error"]).clip(lower=1e-9)
    return table.loc[change.sort_values(ascending=False, kind="stable").index]


def _at_ends(adata: AnnData, path: AnnData, key: str | None) -> pd.DataFrame:
    """The same of the observed cells of the sets that the path passes, at their times."""
    if "path" in path.uns:
        key, sets = key or path.uns["path"]["key"], sets_of_path(path)
    else:
        key, sets = key or "tde", [path.obs[f"{end}_set"].unique().tolist() for end in ("source", "target")]
    column = _keys.set_column(key)
    if column not in adata.obs:
        msg = f"`adata.obs` must hold {column!r}, which the fit {key!r} writes. Columns: {list(adata.obs)}."
        raise KeyError(msg)
    labels = adata.obs[column].astype(object)
    inside = {t: labels.isin(group).to_numpy() for t, group in zip(np.linspace(0, 1, len(sets)), sets, strict=True)}
    groups = {float(t): rows for t, rows in inside.items() if rows.any()}
    return _summary(_values(_entry(adata, path), path), adata.var_names, groups)


def _entry(adata: AnnData, path: AnnData) -> Any:
    """What is observed of what the path holds: the layer of its counts, or ``X``."""
    layer = next((name for name in path.layers if name is not None), None)
    return adata.X if layer is None else adata.layers[layer]


def _values(x: Any, path: AnnData) -> Any:
    """Counts, where the path holds counts, as ``log1p`` at its median library size; other values as they are."""
    if path.X.dtype.kind != "i":
        return x if sparse.issparse(x) else np.asarray(x, dtype=float)
    x, size = sparse.csr_matrix(x), np.median(np.asarray(path.X.sum(axis=1)))
    return sparse.csr_matrix(sparse.diags(size / np.maximum(np.asarray(x.sum(axis=1)).ravel(), 1)) @ x).log1p()


def _summary(values: Any, names: pd.Index, groups: dict[float, np.ndarray]) -> pd.DataFrame:
    parts = {}
    for time, rows in groups.items():
        x = values[rows]
        mean = np.asarray(x.mean(axis=0)).ravel()
        square = np.asarray((x.multiply(x) if sparse.issparse(x) else x * x).mean(axis=0)).ravel()
        error = np.sqrt((square - mean**2).clip(min=0) / rows.sum())
        parts[time] = pd.DataFrame({"mean": mean, "error": error}, index=names)
    return pd.concat(parts, axis=1)


def _rows(table: pd.DataFrame, names: list[str], argument: str) -> pd.DataFrame:
    missing = [name for name in names if name not in table.index]
    if missing:
        msg = f"`{argument}` must hold all genes that are drawn, but {missing[:5]} are missing."
        raise KeyError(msg)
    return table.loc[names]


def _unit(path: AnnData) -> str:
    return "mean of log1p of\nnormalised counts" if path.X.dtype.kind == "i" else "mean expression"


def _draw(ax: Axes, *, made: pd.Series, observed: pd.Series, unit: str, legend: bool) -> None:
    styles: dict[str, dict[str, Any]] = {
        "generated": {"color": COLORS[0], "marker": ".", "linewidth": 1.2},
        "observed": {"color": INK, "marker": "D", "markersize": 4, "linestyle": "none"},
    }
    for row, (label, style) in zip((made, observed), styles.items(), strict=True):
        times = row.index.get_level_values(0).unique()
        mean, error = (row.xs(name, level=1).to_numpy() for name in ("mean", "error"))
        ax.errorbar(times, mean, yerr=2 * error, label=f"{label}, ± 2 s.e.", elinewidth=0.8, **style)
    ax.set_xlabel("t, source (0) to target (1)", fontsize="small")
    ax.set_ylabel(unit, fontsize="small")
    ax.locator_params(nbins=4)
    if legend:
        ax.legend(labelcolor=INK, loc="upper left", bbox_to_anchor=(1, 1), **LEGEND_STYLE)
