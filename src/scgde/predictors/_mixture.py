from __future__ import annotations

from abc import abstractmethod
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.spatial.distance import cdist

from scgde.nn.stored_weights import StoredModelError
from scgde.predictors._base import Predictor
from scgde.predictors._inputs import Inputs

if TYPE_CHECKING:
    from collections.abc import Callable

_COVARIATE_WEIGHTS = (0.3, 1.0, 3.0)


class MixturePredictor(Predictor):
    """Mixture over the targets of the training pairs, with weights that depend on the source.

    Where one source has several fates, each has its share, and none is averaged with another. In a *relative* mixture
    it is not the target of a pair that is drawn but its displacement, from the source of the pair to its target, which
    is then added to the new source: a forecast for sources that are unlike all of those.
    """

    @abstractmethod
    def weights(self, inputs: Inputs) -> np.ndarray:
        """Weight of what each training pair adds to the mixture, shape ``(m, n)``; rows sum to 1."""

    @abstractmethod
    def regression(self, inputs: Inputs) -> np.ndarray:
        """Forecast of the mean to which residuals are added, shape ``(m, E)``; zeros where none are mixed."""

    @property
    def uses_covariance(self) -> bool:
        return self.chosen.get("noise_weight", 0.0) > 0

    def check_arrays(self, n_embed: int, n_covariates: int) -> None:
        n_pairs = len(self.arrays["targets"])
        shapes = {"source": (n_pairs, n_embed), "covariates": (n_pairs, n_covariates), "noise": (n_pairs,)}
        shapes |= dict.fromkeys({"targets", "regressed"} & set(self.arrays), (n_pairs, n_embed))
        if {name: value.shape for name, value in self.arrays.items()} != shapes:
            msg = f"A stored predictor must have arrays of the shapes {shapes}, got others. Save it again."
            raise StoredModelError(msg)

    def draw_targets(self, inputs: Inputs, n_draws: int, rng: np.random.Generator) -> np.ndarray:
        drawn = self.arrays["targets"][systematic_draws(self.weights(inputs), n_draws, rng)]
        return self._shrunk(drawn + self._origin(inputs)[:, None], self._sources_as_targets(inputs)[:, None])

    def mean_targets(self, inputs: Inputs) -> np.ndarray:
        mean = self.weights(inputs) @ self.arrays["targets"] + self._origin(inputs)
        return self._shrunk(mean, self._sources_as_targets(inputs))

    def _shrunk(self, target: np.ndarray, source: np.ndarray) -> np.ndarray:
        """Targets, drawn nearer to their sources where forecasts of groups that were left out went too far."""
        share = self.chosen.get("shrinkage", 1.0)
        return target if share == 1 else source + share * (target - source)

    def _mixed(self, inputs: Inputs, target: np.ndarray) -> dict[bool, np.ndarray]:
        """What may be mixed, by whether it is relative: targets, and displacements, shape ``(n, E)`` each."""
        relative = self.options["relative"]
        choices = {False: target, True: target - self._sources_as_targets(inputs)}
        return choices if relative is None else {relative: choices[relative]}

    def _origin(self, inputs: Inputs) -> np.ndarray:
        """What is added to what is drawn, shape ``(m, E)``: the source, and a forecast of the mean, where they are."""
        is_relative = self.chosen["relative"] > 0
        origin = self._sources_as_targets(inputs) if is_relative else np.zeros_like(inputs.source)
        return origin + self.regression(inputs)

    def _sources_as_targets(self, inputs: Inputs) -> np.ndarray:
        """Sources in the units of targets, shape ``(m, E)``."""
        scaling = self.fitted_scaling()
        return scaling.targets(inputs.source * scaling.source_scale + scaling.source_center)

    def _pairs(self) -> Inputs:
        return Inputs(*(self.arrays[name] for name in Inputs._fields))


def check_choice(value: Any, name: str) -> bool | None:
    """Require True, False, or None for what cross-validation chooses."""
    if value is not None and not isinstance(value, bool):
        msg = f"`{name}` must be True, False or None, got {value!r}."
        raise TypeError(msg)
    return value


def weights_to_try(inputs: Inputs) -> list[tuple[float, float]]:
    """How much covariates and standard errors may count in :func:`squared_distances`."""
    of_covariates = _COVARIATE_WEIGHTS if inputs.covariates.any() else (1.0,)
    return list(product(of_covariates, (0.0, 1.0) if inputs.noise.any() else (0.0,)))


def squared_distances(a: Inputs, b: Inputs, *, covariate_weight: float, noise_weight: float) -> np.ndarray:
    """Squared distances between sources, shape ``(len(a), len(b))``: mean over dimensions, plus that over covariates.

    With a weight, the noise of both is added: the distance of their true embeddings is not known better than that.
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
        Shapes ``(n, E)`` and ``(m, E)``, of the precision that is computed in.

    Returns
    -------
    Function of the weights, shape ``(m, n)``.

    References
    ----------
    :cite:t:`Gneiting07`, eq. 21.
    """
    between, within = (cdist(one, known).astype(known.dtype) for one in (truth, known))

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
