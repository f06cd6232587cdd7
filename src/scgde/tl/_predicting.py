"""The predictor of a transport: fitted on labelled pairs, asked for the targets of new sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scgde.model._uncertainty import covariance_of_sets
from scgde.pp._pairs import GROUP, SOURCE, TARGET
from scgde.sets import open_features
from scgde.tl._pairing import covariate_names

if TYPE_CHECKING:
    from scgde.model import TDE
    from scgde.predictors import Predictor
    from scgde.sets import SetIndex


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
    return covariance_of_sets(model.module, open_features(x), index.take(chosen))[place]
