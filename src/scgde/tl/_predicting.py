"""The predictor of a transport: fitted on labelled pairs, asked for the targets of new sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scgde._checks import check_one_of
from scgde.data import open_store
from scgde.model._uncertainty import covariance_of_sets
from scgde.model.predictors import predictors
from scgde.sets._pairing import GROUP, SOURCE, TARGET
from scgde.tl._pairing import covariate_names

if TYPE_CHECKING:
    from scgde.data import SetIndex
    from scgde.model import TDE
    from scgde.model.predictors import Predictor


def check_predictor(predictor: str | None, options: dict[str, Any] | None) -> Predictor | None:
    """A predictor to fit, from its name and options."""
    if predictor is None:
        return None
    cls = predictors[check_one_of(predictor, "predictor", list(predictors))]
    try:
        return cls(**(options or {}))
    except TypeError as error:
        msg = f"`predictor_kwargs` must be options of {cls.__name__}, got {options}: {error}."
        raise TypeError(msg) from error


def fit_on_pairs(
    predictor: Predictor,
    model: TDE,
    x: Any,
    index: SetIndex,
    embedding: pd.DataFrame,
    pairs: pd.DataFrame,
    *,
    seed: int,
) -> None:
    """Fit a predictor on labelled pairs.

    Parameters
    ----------
    predictor
        Not fitted yet.
    model
        Trained.
    x, index
        Features of all cells, and which of them are in which set.
    embedding
        One row per set, in the order of ``index``, shape ``(S, E)``.
    pairs
        Two or more.
    seed
        Random seed.
    """
    places = embedding.index.get_indexer(pd.Index(pairs[SOURCE]))
    predictor.fit(
        embedding.loc[pairs[SOURCE]],
        embedding.loc[pairs[TARGET]],
        covariates=pairs[covariate_names(pairs)],
        source_covariance=covariance_of(model, x, index, places),
        groups=pairs[GROUP].to_numpy(dtype=str),
        seed=seed,
    )


def covariance_of(model: TDE, x: Any, index: SetIndex, sets: np.ndarray) -> np.ndarray | None:
    """Covariance of the embeddings of some sets, shape ``(len(sets), E, E)``; None of an encoder that is not smooth."""
    if not model.module.encoder.is_smooth:
        return None
    chosen, place = np.unique(sets, return_inverse=True)
    return covariance_of_sets(model.module, open_store(x), index.take(chosen))[place]
