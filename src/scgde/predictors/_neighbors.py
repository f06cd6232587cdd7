from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scgde.predictors._base import PREDICTORS
from scgde.predictors._choose import choose
from scgde.predictors._mixture import (
    MixturePredictor,
    check_choice,
    energy_score,
    squared_distances,
    weights_to_try,
)

if TYPE_CHECKING:
    from scgde.predictors._inputs import Inputs

_NEIGHBORS = (1, 2, 3, 5, 8, 12, 20, 40)
_OPTIONS = ("n_neighbors", "covariate_weight", "noise_weight", "relative")


@PREDICTORS.register("neighbors")
class Neighbors(MixturePredictor):
    """Mixture over the targets of the training pairs whose sources are near.

    Weights are Gaussian in the distance of the sources. Their width is the distance to the k-th nearest pair, and
    widened by the standard errors of both sources, so that a source of few cells looks farther. k, whether
    standard errors and how much covariates count, and whether targets or displacements are mixed, are chosen by the
    energy score on held-out groups.

    Parameters
    ----------
    n_neighbors
        k; chosen by default.
    relative
        Whether displacements are mixed, see ``MixturePredictor``; chosen by default.
    """

    def __init__(self, *, n_neighbors: int | None = None, relative: bool | None = None) -> None:
        super().__init__(n_neighbors=n_neighbors, relative=check_choice(relative, "relative"))

    def fit_pairs(self, inputs: Inputs, target: np.ndarray, groups: np.ndarray, rng: np.random.Generator) -> None:
        ks = _NEIGHBORS if self.options["n_neighbors"] is None else (self.options["n_neighbors"],)
        options = [(k, *rest) for k in ks for rest in weights_to_try(inputs)]
        mixed = self._mixed(inputs, target)

        def losses(train: np.ndarray, test: np.ndarray) -> np.ndarray:
            weights = [_weights(inputs.take(train), inputs.take(test), *option) for option in options]
            scores = [energy_score(values[train], values[test]) for values in mixed.values()]
            return np.array([score(part) for score in scores for part in weights])

        best = choose(losses, groups, rng)
        relative, option = divmod(len(options) // 2 if best is None else best, len(options))
        is_relative, values = list(mixed.items())[relative]
        self.chosen = dict(zip(_OPTIONS, map(float, (*options[option], is_relative)), strict=True))
        self.arrays = inputs._asdict() | {"targets": values}

    def regression(self, inputs: Inputs) -> np.ndarray:
        return np.zeros_like(inputs.source)

    def weights(self, inputs: Inputs) -> np.ndarray:
        return _weights(self._pairs(), inputs, *(self.chosen[name] for name in _OPTIONS[:3]))


def _weights(pairs: Inputs, inputs: Inputs, k: float, covariate_weight: float, noise_weight: float) -> np.ndarray:
    square = squared_distances(inputs, pairs, covariate_weight=covariate_weight, noise_weight=0.0)
    last = min(int(k), square.shape[1]) - 1
    width = np.partition(square, last, axis=1)[:, last, None] + 1e-12
    width = width + noise_weight * (inputs.noise[:, None] + pairs.noise)
    log_weights = -0.5 * square / width
    weights = np.exp(log_weights - log_weights.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)
