"""Features of observed and generated cells, dense, and what they span."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
import pandas as pd
from scipy import sparse

from scgde import _keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData


class Matrix(Protocol):
    """Cells by features: an array, a sparse matrix, a data frame, or one of them on disk."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, rows: np.ndarray, /) -> Any: ...


def modelled_entry(adata: AnnData, key: str) -> str:
    """Entry of ``obsm`` that the fit models, or ``"X"``."""
    params = adata.uns[key][_keys.PARAMS]
    use_rep = params.get("generate", params.get("use_rep"))
    if use_rep is None:
        msg = f"Only cells of an entry of `adata` can be drawn, got a fit on {params.get('cells')!r} that names none."
        raise ValueError(msg)
    return str(use_rep)


def training_features(adata: AnnData, key: str) -> Matrix:
    """Features of the observed cells that the fit models, shape ``(n_obs, *shape)``."""
    params, use_rep = adata.uns[key][_keys.PARAMS], modelled_entry(adata, key)
    layer = params.get("generate_layer" if "generate" in params else "layer")
    if use_rep == "X":
        return cast("Matrix", adata.X if layer is None else adata.layers[layer])
    if use_rep not in adata.obsm:
        msg = f"`adata.obsm` must hold {use_rep!r}, which the fit {key!r} was trained on. Entries: {list(adata.obsm)}."
        raise KeyError(msg)
    return cast("Matrix", adata.obsm[use_rep])


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
