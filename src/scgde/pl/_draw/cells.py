"""Features of observed and generated cells, dense, and what they span."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
import pandas as pd
from scipy import sparse

from scgde import _keys
from scgde.sets._entries import read_entries
from scgde.sets._fingerprint import ENCODER, TARGET, check_projections, known_rows, project
from scgde.sets._set_table import rows_of_cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData

    from scgde._types import Config


class Matrix(Protocol):
    """Cells by features: an array, a sparse matrix, a data frame, or one of them on disk."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, rows: np.ndarray, /) -> Any: ...


def modelled_entry(adata: AnnData, key: str) -> str:
    """Entry of ``obsm`` that a fit models, or ``"X"``."""
    params = adata.uns[key][_keys.PARAMS]
    use_rep = params.get("generate", params.get("use_rep"))
    if use_rep is None:
        msg = f"Only cells of an entry of `adata` can be drawn, got a fit on {params.get('cells')!r} that names none."
        raise ValueError(msg)
    return str(use_rep)


def training_features(
    adata: AnnData, key: str, names: Sequence[str] = (), *, made_by: str = "scgde.tl.fit_gde"
) -> Matrix:
    """Features of the observed cells that the fit models, shape ``(n_obs, *shape)``.

    Parameters
    ----------
    adata
        Observed cells, with the fit.
    key
        Name of the fit.
    names
        Of the features, in the order that they are to have; that of the entry by default, or if these are others.
    made_by
        What writes the fit, for messages.

    Raises
    ------
    KeyError
        If there is no fit, or its features are gone.
    ValueError
        If they have changed since the fit.
    """
    content = read_entries(adata, key, entry=_keys.PARAMS, made_by=made_by)
    features = _entry(adata, list(names), key)
    _check_unchanged(adata, content, features, key)
    return features


def _entry(adata: AnnData, names: list[str], key: str) -> Matrix:
    params = adata.uns[key][_keys.PARAMS]
    use_rep, layer = modelled_entry(adata, key), params.get("generate_layer" if "generate" in params else "layer")
    if use_rep == "X":
        is_other_order = adata.var_names.tolist() != names and sorted(adata.var_names) == sorted(names)
        found = adata[:, names] if is_other_order and adata.var_names.is_unique else adata
        return cast("Matrix", found.X if layer is None else found.layers[layer])
    if use_rep not in adata.obsm:
        msg = f"`adata.obsm` must hold {use_rep!r}, which the fit {key!r} was trained on. Entries: {list(adata.obsm)}."
        raise KeyError(msg)
    entry = adata.obsm[use_rep]
    return entry[names] if isinstance(entry, pd.DataFrame) and set(names) == set(entry) else entry


def check_vectors(cells: AnnData, shape: tuple[int, ...], argument: str, made_by: str) -> None:
    """Require the training features in cells that the function ``made_by`` gave, where observed ones have ``shape``."""
    if cells.X is None:
        entries = list(cells.obsm)
        msg = f"`{argument}` must hold cells that are vectors, in `X`, got none there and other cells in {entries}."
        raise ValueError(msg)
    if (cells.n_vars,) != shape[1:]:
        msg = (
            f"`{argument}` must have the {shape[1]} training features, got {cells.n_vars}. "
            f"Call `{made_by}` without `decode`."
        )
        raise ValueError(msg)


def _check_unchanged(adata: AnnData, content: Config, features: Matrix, key: str) -> None:
    """Require the features that the fit saw: cells on another scale, or in other axes, are not drawn together."""
    known, table = content.get(_keys.FINGERPRINT) or {}, content[_keys.SETS]
    expected = known.get(TARGET if "generate" in content[_keys.PARAMS] else ENCODER)
    if expected is None:  # of an earlier version, or of sets of which `embed` has read other entries only
        return
    codes = rows_of_cells(adata.obs[_keys.set_column(key)], table)
    n_values, rows = math.prod(features.shape[1:]), known_rows(known, codes, adata.obs_names)
    found = project(lambda some: dense_rows(features, some), n_values, rows)
    check_projections(expected, found, table.index, "`adata`", key)


def dense_rows(x: Matrix, rows: np.ndarray) -> np.ndarray:
    """Some cells as floats, shape ``(n, G)``."""
    picked: Any = x.iloc[rows] if isinstance(x, pd.DataFrame) else x[rows]
    return np.asarray(picked.toarray() if sparse.issparse(picked) else picked, dtype=float)


def cells_of_set(x: Matrix, labels: pd.Series, name: str) -> np.ndarray:
    """Cells that ``labels`` ``(n_obs,)`` put in the set ``name``, shape ``(n, G)``."""
    column = pd.Categorical(labels)
    return dense_rows(x, np.flatnonzero(column.codes == list(map(str, column.categories)).index(name)))


def draw_rows(rows: np.ndarray, n_rows: int) -> np.ndarray:
    """At most ``n_rows`` of ``rows``, at random but always the same ones, in their order."""
    if len(rows) <= n_rows:
        return rows
    return np.sort(np.random.default_rng(0).choice(rows, n_rows, replace=False))


def limits_of(clouds: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest point to show of clouds ``(n, 2)``, without the most extreme thousandths."""
    # A single far generated cell must not shrink the rest.
    low, high = np.quantile(np.concatenate(clouds), [0.001, 0.999], axis=0)
    margin = 0.05 * (high - low) + 1e-9
    return low - margin, high + margin
