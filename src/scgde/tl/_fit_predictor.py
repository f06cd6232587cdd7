from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scgde import _keys
from scgde._checks import check_count, check_set_table
from scgde._docs import shared_docs
from scgde.model import TDE
from scgde.model._predictor_fit import fit_on_pairs
from scgde.predictors import make_predictor
from scgde.results import FittedSets, read_model
from scgde.results._fitted_sets import in_present_names
from scgde.results._store import to_entry

if TYPE_CHECKING:
    from anndata import AnnData


@shared_docs
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
        %(key)s
    seed
        %(seed)s

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
    to_fit, model = make_predictor(predictor, predictor_kwargs), read_model(adata, key, TDE)
    pairs = in_present_names(adata.uns[key][_keys.PAIRS])
    labelled = pairs[(pairs[_keys.SPLIT] != "test").to_numpy()]
    if (
        to_fit is None
        or not model.module.conditioning.needs_predictor
        or not model.module.embeds_new_sets
        or len(labelled) < 2
    ):
        condition = adata.uns[key][_keys.PARAMS].get("condition")
        msg = (
            'A predictor needs a fit with `condition="both"` and two pairs or more, got '
            f"{condition!r} and {len(labelled)}. Fit with `time_key` or `pairs`."
        )
        raise ValueError(msg)
    fitted = FittedSets.read(adata, key, TDE)
    fit_on_pairs(to_fit, model, fitted.cells, fitted.embedding, labelled, seed=seed)
    model.predictor = to_fit
    adata.uns[key][_keys.MODEL] = to_entry(model)
