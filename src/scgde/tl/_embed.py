from __future__ import annotations

from typing import TYPE_CHECKING

from scgde.pp._grouping import group_cells, warn_dropped
from scgde.tl._carried import plain, resolve_reference, write_results
from scgde.tl._source import Source, check_features, matching_features

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from anndata import AnnData

    from scgde._types import GroupBy
    from scgde.model import GDE


def embed(
    adata: AnnData,
    reference: AnnData | GDE | str | Path,
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
    None. Writes the same entries as :func:`scgde.tl.fit_gde`, for the sets of ``adata``.

    Raises
    ------
    KeyError
        If a column or the features are missing.
    ValueError
        If the features are not those of the reference.
    """
    model = resolve_reference(reference, key)
    if model.source is None:
        msg = "`reference` must know its features: fit it with `scgde.tl.fit_gde`, or call `model.embed` on arrays."
        raise ValueError(msg)
    source = Source(model.source["use_rep"], model.source["layer"])
    x = matching_features(adata, model, source)
    groupby = groupby if groupby is not None else model.source["groupby"]
    grouping = group_cells(adata.obs, groupby, min_cells=min_cells, mask=mask)
    check_features(x, grouping.codes, source.label)
    warn_dropped(grouping.dropped, min_cells)
    params = {"groupby": groupby, "use_rep": source.use_rep, "layer": source.layer, "min_cells": min_cells}
    params |= {"reference": reference if isinstance(reference, str) else type(reference).__name__}
    write_results(adata, grouping, model.embed(x, grouping.codes), model, plain(params), key=key_added or key)
