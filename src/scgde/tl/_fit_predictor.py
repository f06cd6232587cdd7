from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scgde import _keys
from scgde._checks import check_count
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.model._base_tde import BaseTDE
from scgde.predictors import make_predictor
from scgde.results import FittedSets, read_model
from scgde.results._predictors import default_predictor, fit_predictors, read_conditions
from scgde.results._store import to_entry, write_entries
from scgde.sets._entries import read_entries

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData


@checked_keywords
@shared_docs
def fit_predictor(
    adata: AnnData,
    predictor: str = "auto",
    *,
    condition_features: pd.DataFrame | None = None,
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
        %(predictor)s
    condition_features
        Other features of single perturbations, see :func:`fit_tde`. By default those of the fit.
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

    Examples
    --------
    >>> import scgde
    >>> scgde.tl.fit_predictor(clones, "ridge")
    >>> cells = scgde.tl.forecast(clones, "clone_02|2", to=4)
    """
    seed = check_count(seed, "seed", minimum=0)
    pairs = read_entries(adata, key, entry=_keys.PAIRS, made_by="scgde.tl.fit_tde")[_keys.PAIRS]
    model = read_model(adata, key, BaseTDE)
    to_fit = make_predictor(default_predictor(predictor, pairs), predictor_kwargs)
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
    fitted = FittedSets.read(adata, key, BaseTDE)
    if condition_features is not None:
        fitted.model.conditions = read_conditions(pairs, condition_features)
    fit_predictors(fitted, to_fit, labelled, seed=seed)
    write_entries(adata, key, fitted.content, **{_keys.MODEL: to_entry(fitted.model)})
