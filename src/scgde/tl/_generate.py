from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scgde import _keys
from scgde._checks import check_sets
from scgde._docs import shared_docs
from scgde.data.representations import Vectors
from scgde.model import GDE
from scgde.results import read_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData

    from scgde.model import TDE


@shared_docs
def generate(
    adata: AnnData,
    sets: str | Sequence[str] | np.ndarray | None = None,
    *,
    n_cells: int = 500,
    batch: str | None = None,
    decode: bool = False,
    key: str = "gde",
    seed: int = 0,
) -> AnnData:
    """Draw cells from the distributions that embeddings stand for.

    Parameters
    ----------
    adata
        A fitted AnnData, or one with embedded sets.
    sets
        Names of sets, or embeddings of shape ``(S, E)``; all sets by default.
    n_cells
        Cells per set.
    batch
        Of a fit with ``batch_key``: cells as they would be measured in this batch; by default in the mean of all.
    decode
        Whether to map principal components back to genes.
    key
        %(key)s
    seed
        %(seed)s

    Returns
    -------
    Cells: ``X`` in the training features, or genes with ``decode``; ``obs["set"]`` and the columns of the set table.

    Raises
    ------
    KeyError
        If there is no fit, or no set of that name.
    ValueError
        If an embedding has the wrong number of dimensions, cells cannot be mapped back to genes, or there is no such
        batch.
    """
    model = read_model(adata, key, GDE)
    check_decodable(model, decode=decode)
    table, embedding = _requested_sets(adata, sets, key)
    cells = model.generate(embedding, n_cells, batch=batch, seed=seed)
    return generated_cells(model, cells, table.iloc[np.repeat(np.arange(len(table)), n_cells)], decode=decode)


def check_decodable(model: GDE | TDE, *, decode: bool) -> None:
    """Require that cells can be mapped back to genes where that is asked for."""
    if not decode:
        return
    if model.target_representation is None:
        msg = "`decode=True` needs a fit on an AnnData, got one on arrays."
        raise ValueError(msg)
    model.target_representation.check_decodable()


def _requested_sets(adata: AnnData, sets: Any, key: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Set table, with a column ``"set"``, and embeddings of what was asked for."""
    table, embedding = adata.uns[key][_keys.SETS], np.asarray(adata.uns[key][_keys.EMBEDDING])
    if isinstance(sets, np.ndarray) and np.issubdtype(sets.dtype, np.number):
        return _named_by_number(sets, embedding.shape[1])
    rows = np.arange(len(table)) if sets is None else check_sets(table.index, sets, "`sets`")
    names = table.index[rows]
    chosen = table.iloc[rows].drop(columns=[_keys.N_CELLS, "set"], errors="ignore")
    chosen.insert(0, "set", pd.Categorical(names, categories=names.unique()))
    return chosen, embedding[rows]


def _named_by_number(embedding: np.ndarray, n_embed: int) -> tuple[pd.DataFrame, np.ndarray]:
    embedding = np.atleast_2d(embedding)
    if embedding.ndim != 2 or embedding.shape[1] != n_embed:
        msg = f"Embeddings in `sets` must have shape (S, {n_embed}), got {embedding.shape}."
        raise ValueError(msg)
    if not np.isfinite(embedding).all():
        msg = "Embeddings in `sets` must be finite, got NaN or infinity. Cells in no set have no embedding."
        raise ValueError(msg)
    names = [str(i) for i in range(len(embedding))]
    return pd.DataFrame({"set": pd.Categorical(names, categories=names)}, index=names), embedding


def generated_cells(model: GDE | TDE, cells: np.ndarray, obs: pd.DataFrame, *, decode: bool) -> AnnData:
    """AnnData of cells ``(S, n, *shape)`` with one row of ``obs`` each, in the representation that is modelled."""
    cells = cells.reshape(-1, *cells.shape[2:])
    obs = obs.set_axis(pd.RangeIndex(len(obs)).astype(str))
    representation = model.target_representation or Vectors.unnamed(cells.shape[1])
    return representation.to_adata(cells, obs, decode=decode)
