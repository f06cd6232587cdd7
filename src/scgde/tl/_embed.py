from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from scgde._checks import check_groupby, check_jobs
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.data import CellSets
from scgde.model._base_gde import BaseGDE
from scgde.model._io import to_storable
from scgde.results import resolve_reference, write_fit, write_predictions
from scgde.results._fits import entries_of
from scgde.sets._grouping import group_cells
from scgde.sets._grouping_warnings import warn_of_sets
from scgde.sets._own_columns import check_writable, without_own_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pandas as pd
    from anndata import AnnData

    from scgde._types import GroupBy
    from scgde.data.representations import Representation
    from scgde.model._base_tde import BaseTDE


@checked_keywords
@shared_docs
def embed(
    adata: AnnData,
    reference: AnnData | BaseGDE | BaseTDE | str | Path,
    *,
    groupby: GroupBy | None = None,
    mask: np.ndarray | pd.Series | Sequence[bool] | str | None = None,
    min_cells: int = 1,
    key: str = "gde",
    key_added: str | None = None,
    n_jobs: int | None = None,
) -> None:
    """Embed new sets with a fitted model, without refitting.

    Parameters
    ----------
    adata
        New cells, with the features that the reference was fitted on and, where that has one, its ``weight_key``.
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
    n_jobs
        %(n_jobs)s

    Returns
    -------
    None. Writes the same entries as :func:`scgde.tl.fit_gde`, for the sets of ``adata``; predictions of a label, too.

    Raises
    ------
    KeyError
        If a column or the features are missing.
    ValueError
        If the features are not those of the reference: other axes, or other names of columns.

    Warns
    -----
    UserWarning
        If principal components cannot be compared with those of the reference.

    Examples
    --------
    >>> import scgde
    >>> new = adata[adata.obs["donor"].isin(["donor_00", "donor_01"])].copy()
    >>> scgde.tl.embed(new, adata)
    >>> new.uns["gde"]["embedding"].shape
    (2, 4)
    """
    model = resolve_reference(reference, key)
    if model.representation is None:
        msg = "`reference` must know its features: fit it with `scgde.tl.fit_gde`, or call `model.embed` on arrays."
        raise ValueError(msg)
    check_jobs(n_jobs, "n_jobs")
    if groupby is None:
        groupby = _groupby_of(model)
    key_added, reads = key if key_added is None else key_added, [getattr(model.representation, "use_rep", None)]
    check_writable(adata, key_added, reads=reads, label_key=(model.fitted_on or {}).get("label_key"))
    obs = without_own_columns(adata, groupby, key_added)
    weight_key = (model.fitted_on or {}).get("weight_key")
    grouping = group_cells(obs, groupby, min_cells=min_cells, mask=mask, weight_key=weight_key)
    model.representation.check(adata, grouping.codes)
    _warn_incomparable(model.representation, adata)
    warn_of_sets(obs, grouping, check_groupby(groupby), min_cells, adata.uns)
    cells = CellSets.from_grouping(adata, grouping, model.representation)
    embedding = model.embed_store(cells.encoder.store, cells.index, n_jobs=n_jobs)
    given = str(reference) if isinstance(reference, str | Path) else type(reference).__name__
    entry = entries_of(*model.representations) | {"weight_key": weight_key}
    params = to_storable({"groupby": groupby, **entry, "min_cells": min_cells, "reference": given})
    write_fit(adata, cells, embedding, model, params, key=key_added)
    if isinstance(model, BaseGDE) and model.label_classes is not None and model.fitted_on is not None:
        write_predictions(adata, model, key_added)


def _warn_incomparable(representation: Representation, adata: AnnData) -> None:
    if not representation.is_comparable(adata):
        msg = (
            f"Nothing tells whether {representation.label} has the axes of the reference: there are no loadings to "
            "compare in `adata.varm['PCs']` or the reference. Principal components of other cells have other axes."
        )
        warnings.warn(msg, UserWarning, stacklevel=4)


def _groupby_of(model: BaseGDE | BaseTDE) -> GroupBy:
    if model.fitted_on is None:
        msg = "`groupby` must be given for a reference that was not fitted by `scgde.tl`, got None."
        raise ValueError(msg)
    return model.fitted_on["groupby"]
