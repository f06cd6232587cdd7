from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial.distance import cdist

from scgde.model.predictors._base import Predictor
from scgde.model.predictors._inputs import Inputs

if TYPE_CHECKING:
    from collections.abc import Callable


class MixturePredictor(Predictor):
    """Mixture over the targets of the training pairs, with weights that depend on the source.

    Where one source has several fates, each keeps its share, and none is averaged with another.
    """

    def weights(self, inputs: Inputs) -> np.ndarray:
        """Weight of the target of each training pair, shape ``(m, n)``; rows sum to 1."""
        return self._weights(self._pairs(), inputs)

    @abstractmethod
    def _weights(self, pairs: Inputs, inputs: Inputs) -> np.ndarray:
        """Weights of training ``pairs`` for new ``inputs``, with the chosen options."""

    def _draw(self, inputs: Inputs, n_draws: int, rng: np.random.Generator) -> np.ndarray:
        return self._state["targets"][systematic_draws(self.weights(inputs), n_draws, rng)]

    def _mean(self, inputs: Inputs) -> np.ndarray:
        return self.weights(inputs) @ self._state["targets"]

    def _remember(self, inputs: Inputs, target: np.ndarray) -> None:
        self._state |= inputs._asdict() | {"targets": target}

    def _pairs(self) -> Inputs:
        return Inputs(*(self._state[name] for name in Inputs._fields))


def squared_distances(a: Inputs, b: Inputs, *, covariate_weight: float, noise_weight: float) -> np.ndarray:
    """Squared distances between sources, shape ``(len(a), len(b))``: mean over dimensions, plus that over covariates.

    With a weight, the noise of both is added: what their true embeddings are apart is not known better than that.
    """
    square = cdist(a.source, b.source, "sqeuclidean") / a.source.shape[1]
    if a.covariates.shape[1]:
        square += covariate_weight**2 * cdist(a.covariates, b.covariates, "sqeuclidean") / a.covariates.shape[1]
    return square + noise_weight * (a.noise[:, None] + b.noise)


def energy_score(known: np.ndarray, truth: np.ndarray) -> Callable[[np.ndarray], float]:
    """Proper score of mixtures over ``known`` targets as forecasts of ``truth``, summed over these: less is better.

    Parameters
    ----------
    known, truth
        Shapes ``(n, E)`` and ``(m, E)``.

    Returns
    -------
    Function of the weights, shape ``(m, n)``.

    References
    ----------
    :cite:t:`Gneiting07`, eq. 21.
    """
    between, within = cdist(truth, known), cdist(known, known)

    def score(weights: np.ndarray) -> float:
        return float((weights * (between - 0.5 * weights @ within)).sum())

    return score


def systematic_draws(weights: np.ndarray, n_draws: int, rng: np.random.Generator) -> np.ndarray:
    """Columns drawn by each row of ``weights``, one from each of ``n_draws`` equal parts of the mass, in random order.

    Each draw alone is one by the weights; together they follow them more closely than independent ones.
    """
    level = (np.arange(n_draws) + rng.random((len(weights), 1))) / n_draws
    level = rng.permuted(level, axis=1)
    upper = weights.cumsum(axis=1)
    picked = [np.searchsorted(row / row[-1], part, side="right") for row, part in zip(upper, level, strict=True)]
    return np.minimum(np.array(picked), weights.shape[1] - 1)
