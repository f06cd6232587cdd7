"""The predictors of a transport, fitted on the pairs of its training sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from scgde.model._cell_states import CellStates
from scgde.model._inference import covariance_of_sets
from scgde.sets._pairs import DOSE, GROUP, PERTURBATION, SOURCE, TARGET, covariate_names

if TYPE_CHECKING:
    from scgde.data import CellSets
    from scgde.model._base_tde import BaseTDE
    from scgde.predictors import Predictor


class SetStatistic(NamedTuple):
    """A statistic of each set, and what is known of its sampling error.

    Attributes
    ----------
    value
        Shape ``(S, E)``.
    covariance
        Shape ``(S, E, E)``, or variances, shape ``(S, E)``; None where the statistic is not smooth.
    """

    value: np.ndarray
    covariance: np.ndarray | None

    def fit(
        self, predictor: Predictor, ends: np.ndarray, covariates: np.ndarray, groups: np.ndarray, seed: int
    ) -> None:
        """Fit a predictor on pairs, rows ``(n, 2)`` of the statistic."""
        source, target = ends.T
        noise = [None if self.covariance is None else self.covariance[rows] for rows in (source, target)]
        predictor.fit(
            self.value[source],
            self.value[target],
            covariates=covariates,
            source_covariance=noise[0],
            target_covariance=noise[1] if predictor.uses_target_covariance else None,
            groups=groups,
            seed=seed,
        )


def embedding_statistic(model: BaseTDE, cells: CellSets, embedding: np.ndarray, sets: np.ndarray) -> SetStatistic:
    """Embeddings ``(S, E)``, with the covariances of those of some ``sets``, NaN of the others."""
    known = covariance_of(model, cells, np.unique(sets))
    if known is None:
        return SetStatistic(embedding, None)
    covariance = np.full((len(embedding), *known.shape[1:]), np.nan)
    covariance[np.unique(sets)] = known
    return SetStatistic(embedding, covariance)


def mean_statistic(model: BaseTDE, cells: CellSets, sets: np.ndarray) -> SetStatistic:
    """Mean of the cells of some ``sets`` in the ground coordinates of the model, NaN of the others."""
    parts = [model.ground(cells.target.store.rows(cells.index.rows(i))) for i in np.unique(sets)]
    value = np.full((cells.index.n_sets, parts[0].shape[1]), np.nan)
    variance = value.copy()
    for row, part in zip(np.unique(sets), parts, strict=True):
        value[row], variance[row] = part.mean(axis=0), part.var(axis=0) / max(len(part) - 1, 1)
    return SetStatistic(value, variance)


def states_of(model: BaseTDE, cells: CellSets, sets: np.ndarray, seed: int) -> CellStates:
    """States of the cells of some ``sets``."""
    rows = np.concatenate([cells.index.rows(i) for i in np.unique(sets)])
    return CellStates.fit(model.ground(cells.target.store.rows(rows)), seed=seed)


def share_statistic(model: BaseTDE, cells: CellSets, sets: np.ndarray) -> SetStatistic:
    """Logarithms of the shares of states in some ``sets``, NaN of the others."""
    assert model.states is not None
    value = np.full((cells.index.n_sets, len(model.states.centers)), np.nan)
    variance = value.copy()
    for row in np.unique(sets):
        ground = model.ground(cells.target.store.rows(cells.index.rows(row)))
        value[row], variance[row] = model.states.log_shares(ground)
    return SetStatistic(value, variance)


def perturbation_statistics(
    model: BaseTDE, cells: CellSets, embedding: np.ndarray, sets: np.ndarray
) -> tuple[SetStatistic, ...]:
    """What predictors of perturbations displace: the embeddings, means and log shares of some ``sets``."""
    of_cells = mean_statistic(model, cells, sets), share_statistic(model, cells, sets)
    return embedding_statistic(model, cells, embedding, sets), *of_cells


def fit_on_pairs(
    predictor: Predictor, model: BaseTDE, cells: CellSets, embedding: np.ndarray, pairs: pd.DataFrame, *, seed: int
) -> SetStatistic:
    """Fit a predictor on pairs with a known target, and keep it in the model.

    Of perturbations, further ones of the same kind learn how the mean of the cells is displaced, and how shares of
    states change.

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

    Returns
    -------
    The embeddings, and what is known of their errors.
    """
    ends = ends_of(cells, pairs)
    of_pairs = pair_covariates(model, pairs), pairs[GROUP].to_numpy(dtype=str)
    wanted = ends if predictor.uses_target_covariance else ends[:, 0]
    statistic = embedding_statistic(model, cells, embedding, wanted)
    statistic.fit(predictor, ends, *of_pairs, seed)
    model.predictor = predictor
    if model.conditions is not None and model.module.target_spec.kind == "continuous":
        model.states = states_of(model, cells, ends, seed)
        model.mean_predictor, model.share_predictor = predictor.blank(), predictor.blank()
        mean_statistic(model, cells, ends).fit(model.mean_predictor, ends, *of_pairs, seed)
        share_statistic(model, cells, ends).fit(model.share_predictor, ends, *of_pairs, seed)
    return statistic


def ends_of(cells: CellSets, pairs: pd.DataFrame) -> np.ndarray:
    """Rows of source and target of each pair in the set table, shape ``(n, 2)``."""
    return np.stack([cells.names.get_indexer(pd.Index(pairs[end])) for end in (SOURCE, TARGET)], axis=1)


def pair_covariates(model: BaseTDE, pairs: pd.DataFrame) -> np.ndarray:
    """Covariates of pairs as a predictor takes them: columns of the table, and features of perturbations."""
    columns = pairs[covariate_names(pairs)].to_numpy(dtype=float)
    if model.conditions is None:
        return columns
    dose = pairs[DOSE].to_numpy(dtype=float) if DOSE in pairs else 1.0
    return np.concatenate([columns, model.conditions.rows(pairs[PERTURBATION].tolist(), dose)], axis=1)


def covariance_of(model: BaseTDE, cells: CellSets, sets: np.ndarray) -> np.ndarray | None:
    """Covariance of the embeddings of some sets, shape ``(len(sets), E, E)``; None of an encoder that is not smooth."""
    if not model.module.encoder.is_smooth:
        return None
    chosen, inverse = np.unique(sets, return_inverse=True)
    return covariance_of_sets(model.module, cells.encoder.store, cells.index.take(chosen))[inverse]
