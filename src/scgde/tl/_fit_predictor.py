from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scgde import _keys
from scgde._checks import check_count, check_set_table
from scgde.predictors import make_predictor
from scgde.tl._carried import read_tde, stored_model
from scgde.tl._moved import Fitted
from scgde.tl._predicting import fit_on_pairs

if TYPE_CHECKING:
    from anndata import AnnData


def fit_predictor(
    adata: AnnData,
    predictor: str = "kernel",
    *,
    predictor_kwargs: dict[str, Any] | None = None,
    key: str = "tde",
    seed: int = 0,
) -> None:
    """Fit another predictor to the pairs of a fitted transport, which stays as it is.

    Parameters
    ----------
    adata
        A fitted AnnData with its cells, see :func:`fit_tde`.
    predictor
        Name in ``scgde.predictors.PREDICTORS``.
    predictor_kwargs
        Its options.
    key
        Name under which the fit was written.
    seed
        Random seed.

    Returns
    -------
    None. Replaces the predictor of the model in ``uns[key]["model"]``.

    Raises
    ------
    KeyError
        If there is no fit.
    ValueError
        If the transport has no use for a predictor, or the fit had fewer than two pairs.
    """
    seed = check_count(seed, "seed", minimum=0)
    check_set_table(adata.uns, key, entry=_keys.PAIRS, made_by="scgde.tl.fit_tde")
    to_fit, model = make_predictor(predictor, predictor_kwargs), read_tde(adata, key)
    pairs = adata.uns[key][_keys.PAIRS]
    labelled = pairs[(pairs[_keys.ROLE] != "held out").to_numpy()]
    if model.module.condition != "both" or len(labelled) < 2 or to_fit is None:
        msg = (
            'A predictor needs a fit with `condition="both"` and two pairs or more, got '
            f"{model.module.condition!r} and {len(labelled)}. Fit with `time_key` or `pairs`."
        )
        raise ValueError(msg)
    fitted = Fitted.of(adata, model, key)
    embedding = pd.DataFrame(np.asarray(fitted.embedding), index=fitted.table.index)
    fit_on_pairs(to_fit, model, fitted.x, fitted.index, embedding, labelled, seed=seed)
    model.predictor = to_fit
    adata.uns[key][_keys.MODEL] = stored_model(model)
