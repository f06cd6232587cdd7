"""Predictors of displacements: what covariates add to an embedding, and nothing where nothing is known of them."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from scgde.predictors._base import Predictor

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from scgde.predictors._inputs import Inputs

#: Features that differ from 0 by rounding alone are 0.
_ROUNDING = 10


class DisplacementPredictor(Predictor):
    """The displacement of a pair, target minus source, as a linear function of its covariates without a constant.

    A source whose covariates say nothing that was learnt, all zero or new, stays exactly where it is. A subclass has
    :meth:`fit_effects`.
    """

    uses_target_covariance = True

    @abstractmethod
    def fit_effects(
        self, features: np.ndarray, displacement: np.ndarray, noise: np.ndarray, groups: np.ndarray
    ) -> None:
        """Learn the effect of each feature, shape ``(c, E)``, into ``arrays["effects"]``.

        Parameters
        ----------
        features
            Covariates as they were given, shape ``(n, c)``.
        displacement
            In units of targets, shape ``(n, E)``.
        noise
            Squared standard error of each displacement, summed over its dimensions, shape ``(n,)``.
        groups
            Codes of groups, shape ``(n,)``.
        """

    def displacement(
        self, source: ArrayLike, *, covariates: ArrayLike | None = None, source_covariance: ArrayLike | None = None
    ) -> np.ndarray:
        """Displacement of each source, exactly zero where nothing is known of its covariates, shape ``(m, E)``."""
        self._inputs(source, covariates, source_covariance)  # for its checks
        known = np.zeros((len(np.asarray(source)), 0)) if covariates is None else np.asarray(covariates, dtype=float)
        return known @ self.arrays["effects"] * self.fitted_scaling().target_scale

    def fit_pairs(self, inputs: Inputs, target: np.ndarray, groups: np.ndarray, rng: np.random.Generator) -> None:
        scaling = self.fitted_scaling()
        of_source = inputs.noise * (scaling.source_scale / scaling.target_scale) ** 2
        noise = (of_source + self.target_noise) * target.shape[1]
        self.fit_effects(self._features(inputs), target - self._sources(inputs), noise, groups)

    def mean_targets(self, inputs: Inputs) -> np.ndarray:
        return self._sources(inputs) + self._features(inputs) @ self.arrays["effects"]

    def draw_targets(self, inputs: Inputs, n_draws: int, rng: np.random.Generator) -> np.ndarray:
        return np.repeat(self.mean_targets(inputs)[:, None], n_draws, axis=1)

    def _features(self, inputs: Inputs) -> np.ndarray:
        """Covariates before they were standardised, shape ``(n, c)``."""
        scaling = self.fitted_scaling()
        return np.round(inputs.covariates * scaling.covariate_scale + scaling.covariate_center, _ROUNDING)

    def _sources(self, inputs: Inputs) -> np.ndarray:
        """Sources in the units of targets, shape ``(n, E)``."""
        scaling = self.fitted_scaling()
        return scaling.targets(inputs.source * scaling.source_scale + scaling.source_center)


def row_weights(noise: np.ndarray) -> np.ndarray:
    """Weight of each displacement, of mean 1: less where it is noisy, and never without bound; shape ``(n,)``."""
    if not noise.any():
        return np.ones(len(noise))
    weights = 1 / (noise + noise.mean())
    return weights / weights.mean()


def ridge_operator(features: np.ndarray, weights: np.ndarray, penalty: float) -> np.ndarray:
    """Matrix ``(c, n)`` from displacements to effects, with a squared penalty."""
    weighted = features.T * weights
    gram = weighted @ features
    return np.linalg.solve(gram + penalty * np.eye(len(gram)), weighted)
