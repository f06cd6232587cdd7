from __future__ import annotations

import numpy as np
import pandas as pd
from anndata import AnnData

from scgde import _keys
from scgde._hints import checked_keywords
from scgde.sets._entries import read_entries
from scgde.sets._own_columns import own_columns
from scgde.sets._seen_labels import seen_labels


@checked_keywords
def sets(adata: AnnData, key: str = "gde") -> AnnData:
    """Sets as observations: one row per set, one variable per embedding dimension.

    Parameters
    ----------
    adata
        Cells with a fitted embedding, e.g. from :func:`scgde.tl.fit_gde`.
    key
        The ``key_added`` of the fit.

    Returns
    -------
    AnnData of shape ``(S, E)``, of the sets that have cells here: ``X`` the embeddings, ``obs`` a copy of the set
    table, ``obsp`` the distances that :func:`scgde.tl.distances` has written, by metric, and by
    ``"<metric>_neighbors"`` those between neighbors. Functions of scanpy, such as ``sc.pp.neighbors`` and
    ``sc.tl.umap``, work on it as on cells. ``uns`` holds what tests of sets must know: ``own_columns``, which are not
    the user's, and ``seen_labels``, which the fit has learnt from.

    Raises
    ------
    KeyError
        If no embedding is stored under ``key``.

    Examples
    --------
    >>> import scanpy as sc
    >>> import scgde
    >>> sets = scgde.get.sets(adata)
    >>> sets.shape
    (20, 4)
    >>> sc.pp.pca(sets, n_comps=2)
    """
    stored = read_entries(adata, key)
    embedding = np.array(stored[_keys.EMBEDDING], dtype=np.float32)
    names = [f"{key}_{i}" for i in range(embedding.shape[1])]
    near = {f"{name}_neighbors": value for name, value in stored.get(_keys.NEIGHBOR_DISTANCES, {}).items()}
    pairwise = {name: value.copy() for name, value in {**stored.get(_keys.DISTANCES, {}), **near}.items()}
    found = AnnData(embedding, obs=stored[_keys.SETS].copy(), var=pd.DataFrame(index=names), obsp=pairwise)
    found.uns[_keys.OWN_COLUMNS] = np.array(own_columns(stored), dtype=object)
    if (labels := seen_labels(stored, key)) is not None:
        found.uns[_keys.SEEN_LABELS] = labels.to_frame()
    return found
