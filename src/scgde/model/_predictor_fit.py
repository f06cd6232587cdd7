"""The predictor of a transport, fitted on the pairs of its training sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scgde.model._inference import covariance_of_sets
from scgde.sets._pairs import GROUP, SOURCE, TARGET, covariate_names

if TYPE_CHECKING:
    from scgde.data import CellSets
    from scgde.model import TDE
    from scgde.predictors import Predictor


def fit_on_pairs(
    predictor: Predictor, model: TDE, cells: CellSets, embedding: np.ndarray, pairs: pd.DataFrame, *, seed: int
) -> None:
    """Fit a predictor on pairs with a known target.

    Parameters
    ----------
    predictor
        Not fitted yet.
    model
        Trained.
    cells
        Cells of all sets.
    embedding
        Of each set, shape ``(S, E)``.
    pairs
        Two or more.
    seed
        Random seed.
    """
    source, target = (cells.names.get_indexer(pd.Index(pairs[end])) for end in (SOURCE, TARGET))
    predictor.fit(
        embedding[source],
        embedding[target],
        covariates=pairs[covariate_names(pairs)],
        source_covariance=covariance_of(model, cells, source),
        groups=pairs[GROUP].to_numpy(dtype=str),
        seed=seed,
    )


def covariance_of(model: TDE, cells: CellSets, sets: np.ndarray) -> np.ndarray | None:
    """Covariance of the embeddings of some sets, shape ``(len(sets), E, E)``; None of an encoder that is not smooth."""
    if not model.module.encoder.is_smooth:
        return None
    chosen, inverse = np.unique(sets, return_inverse=True)
    return covariance_of_sets(model.module, cells.encoder.store, cells.index.take(chosen))[inverse]
