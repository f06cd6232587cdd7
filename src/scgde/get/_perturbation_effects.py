from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scgde import _keys
from scgde._hints import checked_keywords
from scgde.sets._entries import read_entries

if TYPE_CHECKING:
    from anndata import AnnData


@checked_keywords
def perturbation_effects(adata: AnnData, key: str = "tde", *, context: str | None = None) -> pd.DataFrame:
    """Effects of single perturbations: displacements of their embedding from that of the control.

    As ``condition_features`` of a fit on another context or screen they say which perturbations do the same.

    Parameters
    ----------
    adata
        A fit on pairs of :func:`scgde.pp.perturbation_pairs`, see :func:`scgde.tl.fit_tde`.
    key
        The ``key_added`` of the fit.
    context
        Context of the effects; by default the mean over all.

    Returns
    -------
    One row per single perturbation and one column per dimension of the embedding.

    Raises
    ------
    KeyError
        If there is no fit on perturbations, or no such context.

    Examples
    --------
    >>> import scgde
    >>> effects = scgde.get.perturbation_effects(screen)
    >>> effects.shape
    (6, 4)
    """
    stored = read_entries(adata, key, entry=_keys.PAIRS, made_by="scgde.tl.fit_tde")
    pairs = stored[_keys.PAIRS]
    contexts = pairs["context"].unique().tolist() if "context" in pairs else []
    if "perturbation" not in pairs or (context is not None and context not in contexts):
        msg = f"A fit on perturbations is required, in `context`, got {context!r}. Contexts: {contexts}."
        raise KeyError(msg)
    if context is not None:
        pairs = pairs[pairs["context"] == context]
    pairs = pairs[~pairs["perturbation"].str.contains("+", regex=False)]
    rows = [stored[_keys.SETS].index.get_indexer(pd.Index(pairs[end])) for end in ("source", "target")]
    z = np.asarray(stored[_keys.EMBEDDING], dtype=float)
    names = [f"{key}_{i}" for i in range(z.shape[1])]
    return pd.DataFrame(z[rows[1]] - z[rows[0]], columns=names).groupby(pairs["perturbation"].to_numpy()).mean()
