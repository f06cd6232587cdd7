from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scgde.model import GDE
from scgde.sets._grouping import group_cells, warn_dropped
from scgde.tl._carried import check_key, own_columns_dropped, resolve_reference, storable, write_results
from scgde.tl._source import Source, check_features, check_not_backed_view, matching_features
from scgde.tl._told import write_predictions

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pandas as pd
    from anndata import AnnData

    from scgde._types import GroupBy
    from scgde.model import TDE


def embed(
    adata: AnnData,
    reference: AnnData | GDE | TDE | str | Path,
    *,
    groupby: GroupBy | None = None,
    mask: np.ndarray | pd.Series | Sequence[bool] | str | None = None,
    min_cells: int = 1,
    key: str = "gde",
    key_added: str | None = None,
) -> None:
    """Embed new sets with a fitted model, without refitting.

    Parameters
    ----------
    adata
        New cells, with the features that the reference was fitted on.
    reference
        A fitted AnnData, a model, or the folder of a saved model.
    groupby
        Column or columns that name the sets; those of the reference by default.
    mask
        Boolean array, or name of a boolean column of ``obs``: cells with False are in no set.
    min_cells
        Smaller sets are dropped, with one warning.
    key
        Where a reference AnnData holds its fit.
    key_added
        Where results are written; ``key`` by default.

    Returns
    -------
    None. Writes the same entries as :func:`scgde.tl.fit_gde`, for the sets of ``adata``; predictions of a label, too.

    Raises
    ------
    KeyError
        If a column or the features are missing.
    ValueError
        If the features are not those of the reference.
    """
    check_not_backed_view(adata)
    model = resolve_reference(reference, key)
    if model.source is None:
        msg = "`reference` must know its features: fit it with `scgde.tl.fit_gde`, or call `model.embed` on arrays."
        raise ValueError(msg)
    key_added = check_key(key if key_added is None else key_added, "key_added")
    source = Source.of(model)
    groupby = groupby if groupby is not None else model.source["groupby"]
    obs = own_columns_dropped(adata.obs, groupby, key_added)
    grouping = group_cells(obs, groupby, min_cells=min_cells, mask=mask)
    x = matching_features(adata, model)
    check_features(x, grouping.codes, source.label)
    warn_dropped(grouping.dropped, min_cells)
    params = {"groupby": groupby, "use_rep": source.use_rep, "layer": source.layer, "min_cells": min_cells}
    params |= {"reference": str(reference) if isinstance(reference, str | Path) else type(reference).__name__}
    embedding = model.embed(x, grouping.codes)
    write_results(adata, grouping, embedding, model, storable(params), key=key_added)
    if isinstance(model, GDE) and model.label_classes is not None:
        write_predictions(adata, model, key_added)
