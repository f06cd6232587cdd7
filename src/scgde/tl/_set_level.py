"""Sets as observations: their table, and how far they are from each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import sparse
from scipy.spatial.distance import pdist, squareform

from scgde import _keys
from scgde._checks import check_one_of
from scgde._columns import as_names as as_names
from scgde._columns import classes as classes
from scgde._columns import is_continuous as is_continuous
from scgde.metrics._registry import EMBEDDING_DISTANCES, METRICS
from scgde.sets._grouping import group_cells
from scgde.tl._distances import distances

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

EMBEDDING = "embedding"


class SetLevel(NamedTuple):
    """What is known of the sets of an AnnData.

    Attributes
    ----------
    table
        One row per set.
    distances
        Shape ``(S, S)``.
    """

    table: pd.DataFrame
    distances: np.ndarray


def set_level(adata: AnnData, metric: str, key: str | None) -> SetLevel:
    """The sets of a fit, or (``key`` None) the observations of `adata`, which are sets themselves.

    Raises
    ------
    KeyError
        If there is no fit.
    ValueError
        If there is no such metric, or distances are not finite.
    """
    if key is None:
        level = SetLevel(adata.obs, _of_observations(adata, metric))
    else:
        check_fitted(adata, key)
        level = SetLevel(adata.uns[key][_keys.SETS], _of_fit(adata, metric, key))
    if not np.isfinite(level.distances).all():
        some = level.table.index[~np.isfinite(level.distances).all(axis=1)][:5].tolist()
        msg = f"Distances by `metric` must be finite, but {metric!r} has NaN or infinity at {some}. Leave them out."
        raise ValueError(msg)
    return level


def check_fitted(adata: AnnData, key: str) -> None:
    """Require what a fit writes."""
    stored = adata.uns.get(key)
    if not hasattr(stored, "keys") or not {_keys.SETS, _keys.EMBEDDING} <= set(stored):
        msg = (
            f"`adata.uns[{key!r}]` must hold what `scgde.tl.fit_gde` writes. Run it first, pass its `key_added` as "
            f"`key`, or `key=None` where observations are sets. Keys of `adata.uns`: {list(adata.uns)}."
        )
        raise KeyError(msg)


def covariate(adata: AnnData, name: str, argument: str, key: str | None) -> pd.Series:
    """One value per set: a column of the set table, or one of ``obs`` that was added since.

    Raises
    ------
    KeyError
        If there is no such column.
    ValueError
        If it varies within sets.
    """
    table = adata.obs if key is None else adata.uns[key][_keys.SETS]
    if name in table:
        return table[name]
    if name not in adata.obs:
        columns = list(dict.fromkeys([*table, *adata.obs]))
        msg = f"`{argument}` must name a column of the set table or of `adata.obs`, got {name!r}. Columns: {columns}."
        raise KeyError(msg)
    return _constant_within_sets(adata.obs, name, argument, _keys.set_column(str(key))).reindex(table.index)


def _constant_within_sets(obs: pd.DataFrame, name: str, argument: str, sets: str) -> pd.Series:
    table = group_cells(obs[[sets, name]], sets, min_cells=1).table
    if name not in table:
        pairs = obs[[sets, name]].dropna(subset=sets).drop_duplicates()
        some = pairs[sets][pairs[sets].duplicated()].unique().tolist()
        msg = (
            f"`{argument}` must name a column that is constant within sets, but {name!r} varies in {len(some)}, "
            f"such as {some[:3]}. Give all cells of a set one value."
        )
        raise ValueError(msg)
    return table[name]


def _of_fit(adata: AnnData, metric: str, key: str) -> np.ndarray:
    # A standard error is no distance.
    check_one_of(metric, "metric", [name for name in (*EMBEDDING_DISTANCES, *METRICS) if name != "standard_error"])
    content = adata.uns[key]
    if metric == EMBEDDING:
        return _euclidean(content[_keys.EMBEDDING])
    if metric not in content.get(_keys.DISTANCES, {}):
        distances(adata, metric=metric, key=key)
    square = np.asarray(content[_keys.DISTANCES][metric], dtype=float)
    # The root of a square behaves as a distance does.
    return np.sqrt(square.clip(0)) if metric in METRICS and METRICS[metric].is_squared else square


def _of_observations(adata: AnnData, metric: str) -> np.ndarray:
    check_one_of(metric, "metric", [EMBEDDING, *adata.obsm, *adata.obsp])
    if metric in adata.obsp:
        square = adata.obsp[metric]
        return np.asarray(square.toarray() if sparse.issparse(square) else square, dtype=float)
    x = adata.X if metric == EMBEDDING else adata.obsm[metric]
    return _euclidean(x.toarray() if sparse.issparse(x) else x)


def _euclidean(x: object) -> np.ndarray:
    return squareform(pdist(np.asarray(x, dtype=float)))
