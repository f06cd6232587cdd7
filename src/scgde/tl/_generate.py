from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse

from scgde import _keys
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.data.representations import Vectors
from scgde.model._base_gde import BaseGDE
from scgde.results import read_model
from scgde.sets._entries import read_entries
from scgde.sets._own_columns import own_column
from scgde.sets._set_groups import SetGroup, set_groups

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from anndata import AnnData

    from scgde._types import Config, SetLike
    from scgde.model._base_tde import BaseTDE


@checked_keywords
@shared_docs
def generate(
    adata: AnnData,
    sets: SetLike | Sequence[SetLike] | np.ndarray | None = None,
    *,
    n_cells: int = 500,
    batch: str | None = None,
    library_size: float | str | np.ndarray | None = None,
    decode: bool = False,
    clip: bool = False,
    key: str = "gde",
    seed: int = 0,
) -> AnnData:
    """Draw cells from the distributions that embeddings stand for.

    Parameters
    ----------
    adata
        A fitted AnnData, or one with embedded sets.
    sets
        Names of sets, or embeddings of shape ``(S, E)``; all sets by default. ``{"status": "Covid"}`` is the mean
        embedding of all sets with this value in the set table, each counting the same.
    n_cells
        Cells per set.
    batch
        Of a fit with ``batch_key``: cells as they would be measured in this batch; by default in the mean of all.
    library_size
        %(library_size)s
    decode
        %(decode)s
    clip
        %(clip)s
    key
        %(key)s
    seed
        %(seed)s

    Returns
    -------
    Cells: ``X`` in the training features, or genes with ``decode``; ``obs["set"]`` and the columns of the set table. Of
    a fit of counts, ``X`` holds counts, CSR and int32, and ``obs["library_size"]`` their sum in each cell.
    Of a fit of sequences, their text is in ``obs["sequence"]`` and their tokens in ``obsm``, without ``X``.

    Raises
    ------
    KeyError
        If there is no fit, or no set of that name.
    ValueError
        If no set has the values, an embedding has the wrong number of dimensions, cells cannot be mapped back to genes,
        there is no such batch, or ``library_size`` is not positive or the fit not one of counts.

    Examples
    --------
    >>> import scgde
    >>> cells = scgde.tl.generate(adata, ["donor_00", "donor_01"], n_cells=50)
    >>> cells.obs["set"].value_counts().to_dict()
    {'donor_00': 50, 'donor_01': 50}
    >>> cells = scgde.tl.generate(adata, [{"shift": "control"}, {"shift": "shifted"}], n_cells=50)
    >>> cells.obs["set"].value_counts().to_dict()
    {'shift=control': 50, 'shift=shifted': 50}
    """
    model = read_model(adata, key, BaseGDE)
    check_decodable(model, decode=decode, clip=clip)
    table, embedding = _requested_sets(adata, sets, key)
    is_decoded = decode and model.decoder is not None
    sizes = None if is_decoded else library_size
    parts = model.generate_parts(embedding, n_cells, batch=batch, library_size=sizes, seed=seed)
    obs = table.iloc[np.repeat(np.arange(len(table)), n_cells)]
    options: dict[str, Any] = {
        "decode": decode,
        "clip": clip,
        "library_size": library_size,
        "shape": (len(table), n_cells),
    }
    return generated_cells(model, parts, obs, seed=seed, **options)


def check_decodable(model: BaseGDE | BaseTDE, *, decode: bool, clip: bool = False) -> None:
    """Require that cells can be mapped back to genes where that is asked for."""
    if clip and not decode:
        msg = "`clip` must be False where cells are not mapped back to genes, got True. Pass `decode=True`."
        raise ValueError(msg)
    if not decode or model.decoder is not None:
        return
    if model.target_representation is None:
        msg = "`decode=True` needs a fit on an AnnData, got one on arrays."
        raise ValueError(msg)
    model.target_representation.check_decodable()


def _requested_sets(adata: AnnData, sets: Any, key: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Set table, with a column ``"set"``, and embeddings of what was asked for."""
    content = read_entries(adata, key)
    table, embedding = content[_keys.SETS], np.asarray(content[_keys.EMBEDDING])
    if isinstance(sets, np.ndarray) and np.issubdtype(sets.dtype, np.number):
        return _named_by_number(sets, embedding.shape[1])
    groups = set_groups(adata, list(table.index) if sets is None else sets, "`sets`", key)
    if any(len(group.rows) > 1 for group in groups):
        return _shared_columns(table, groups), np.stack([group.embedding(embedding) for group in groups])
    rows = np.concatenate([group.rows for group in groups])
    names = table.index[rows]
    chosen = table.iloc[rows].drop(columns=["set", *_counts(content, key)], errors="ignore")
    chosen.insert(0, "set", pd.Categorical(names, categories=names.unique()))
    return chosen, embedding[rows]


def _shared_columns(table: pd.DataFrame, groups: list[SetGroup]) -> pd.DataFrame:
    """One row per group: its name, and the columns in which the sets of every group agree."""
    parts, names = [table.iloc[group.rows] for group in groups], pd.Index([group.name for group in groups])
    shared = [name for name in table if name != "set" and all(len(part[name].unique()) == 1 for part in parts)]
    chosen = table[shared].iloc[[group.rows[0] for group in groups]].set_axis(names)
    return chosen.assign(set=pd.Categorical(names, categories=names.unique()))[["set", *shared]]


def _counts(content: Config, key: str) -> list[str]:
    """Name of the column with the number of observed cells."""
    column = own_column(content, key, _keys.N_CELLS)
    return [] if column is None else [str(column.name)]


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


def generated_cells(
    model: BaseGDE | BaseTDE, parts: Iterable[np.ndarray], obs: pd.DataFrame, *, decode: bool, **options: Any
) -> AnnData:
    """AnnData of parts of cells ``(S, n, *shape)``, with one row of ``obs`` each; ``options`` of :func:`as_anndata`."""
    obs = obs.set_axis(pd.RangeIndex(len(obs)).astype(str))
    representation = model.target_representation or Vectors.unnamed(model.module.target_spec.size)
    packed = [representation.pack(part.reshape(-1, *part.shape[2:])) for part in parts]
    cells = sparse.vstack(packed, format="csr") if sparse.issparse(packed[0]) else np.concatenate(packed)
    return as_anndata(model, cells, obs, decode=decode, **options)


def as_anndata(
    model: BaseGDE | BaseTDE,
    cells: Any,
    obs: pd.DataFrame,
    *,
    decode: bool,
    clip: bool = False,
    library_size: Any = None,
    shape: tuple[int, ...] | None = None,
    seed: int = 0,
) -> AnnData:
    """AnnData of cells ``(n, *shape)`` as the model represents them, or as genes.

    Parameters
    ----------
    model
        That made the cells.
    cells
        Shape ``(n, *shape)``.
    obs
        One row for each.
    decode, clip
        Whether to map them back to genes, and to set values below zero to zero.
    library_size, shape, seed
        Of a decoder of counts, see :meth:`scgde.model.CountDecoder.decode`.
    """
    if decode and model.decoder is not None:
        counts = model.decoder.decode(cells, library_size=library_size, shape=shape, seed=seed)
        return model.decoder.to_adata(counts, obs)
    representation = model.target_representation or Vectors.unnamed(cells.shape[1])
    adata = representation.to_adata(cells, obs, decode=decode)
    if clip:
        adata.X = adata.X.clip(min=0) if isinstance(adata.X, np.ndarray) else adata.X
    return adata
