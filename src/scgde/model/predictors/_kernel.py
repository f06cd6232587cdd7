from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.linalg import eigh

from scgde.model.predictors._base import predictors
from scgde.model.predictors._mixture import MixturePredictor, check_relative, squared_distances, weights_to_try

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scgde.model.predictors._inputs import Inputs

#: Larger data sets are thinned: the weights solve a system of this size.
MAX_PAIRS = 4000
_PENALTIES = np.logspace(-2, 2, 13)
_OPTIONS = ("covariate_weight", "noise_weight", "penalty", "relative")


@predictors.register("kernel")
class Kernel(MixturePredictor):
    """Mixture over the targets of the training pairs, by kernel regression of whole distributions.

    Kernel ridge regression gives each training target a weight; as the regression is linear in what is forecast, the
    same weights forecast the embedding, and every mean over the cells of the target set. Unlike a local average they
    use differences between neighbours, also negative ones; the nearest distribution, weights that are not negative
    and sum to 1, is then taken. The kernel is that of the energy distance, ``|a| + |b| - |a - b|``, which has no
    bandwidth. The penalty, whether standard errors and how much covariates count, and whether targets or
    displacements are mixed, are chosen by the energy score on held-out groups.

    Parameters
    ----------
    relative
        Whether displacements are mixed, see :class:`MixturePredictor`; chosen by default.

    References
    ----------
    :cite:t:`Song13` for the weights; :cite:t:`Sejdinovic13` for the kernel.
    """

    def __init__(self, *, relative: bool | None = None) -> None:
        super().__init__(relative=check_relative(relative))

    def _fit(self, inputs: Inputs, target: np.ndarray, groups: np.ndarray, rng: np.random.Generator) -> None:
        if len(target) > MAX_PAIRS:
            kept = np.sort(rng.choice(len(target), MAX_PAIRS, replace=False))
            inputs, target, groups = inputs.take(kept), target[kept], np.unique(groups[kept], return_inverse=True)[1]
        options, mixed = weights_to_try(inputs), self._mixed(inputs, target)

        def weights(known: Inputs, asked: Inputs) -> list[np.ndarray]:
            systems = [_System.of(known, *option) for option in options]
            return [part for system in systems for part in system.weights(known, asked, _PENALTIES)]

        shape = (len(mixed), len(options), len(_PENALTIES))
        best = self._best(weights, inputs, mixed, groups, rng)
        best = len(options) * len(_PENALTIES) // 2 if best is None else best
        relative, option, penalty = np.unravel_index(best, shape)
        chosen = (*options[option], _PENALTIES[penalty], list(mixed)[relative])
        self._state = dict(zip(_OPTIONS, np.array(chosen)[:, None], strict=True))
        self._remember(inputs, target)

    def _weights(self, pairs: Inputs, inputs: Inputs) -> np.ndarray:
        weight, noise, penalty = (float(self._state[name][0]) for name in _OPTIONS[:3])
        return _System.of(pairs, weight, noise).weights(pairs, inputs, [penalty])[0]


class _System(NamedTuple):
    """The kernel matrix of the training sources, in the axes in which every penalty is a division."""

    covariate_weight: float
    noise_weight: float
    row_mean: np.ndarray  # of the distances, (n,)
    unit: float  # their mean
    values: np.ndarray  # (n,)
    vectors: np.ndarray  # (n, n)

    @classmethod
    def of(cls, pairs: Inputs, covariate_weight: float, noise_weight: float) -> _System:
        distances = _distances(pairs, pairs, covariate_weight, noise_weight)
        np.fill_diagonal(distances, 0.0)
        mean, unit = distances.mean(axis=1), max(distances.mean(), 1e-12)
        kernel = (mean[:, None] + mean - distances - unit) / unit
        values, vectors = eigh(kernel, overwrite_a=True)
        return cls(covariate_weight, noise_weight, mean, unit, np.maximum(values, 0), vectors)

    def weights(self, pairs: Inputs, inputs: Inputs, penalties: Iterable[float]) -> list[np.ndarray]:
        """Weights of the targets of training ``pairs`` for new ``inputs``, shape ``(m, n)`` for each penalty."""
        distances = _distances(inputs, pairs, self.covariate_weight, self.noise_weight)
        kernel = (distances.mean(axis=1, keepdims=True) + self.row_mean - distances - self.unit) / self.unit
        rotated = kernel @ self.vectors
        slopes = [(rotated / (self.values + penalty)) @ self.vectors.T for penalty in penalties]
        return [onto_simplex(part - part.mean(axis=1, keepdims=True) + 1 / part.shape[1]) for part in slopes]


def _distances(a: Inputs, b: Inputs, covariate_weight: float, noise_weight: float) -> np.ndarray:
    return np.sqrt(squared_distances(a, b, covariate_weight=covariate_weight, noise_weight=noise_weight))


def onto_simplex(values: np.ndarray) -> np.ndarray:
    """Nearest row of weights, not negative and of sum 1, to each row of ``values``.

    References
    ----------
    :cite:t:`Duchi08`, figure 1.
    """
    ordered = -np.sort(-values, axis=1)
    excess = (ordered.cumsum(axis=1) - 1) / np.arange(1, values.shape[1] + 1)
    n_positive = (ordered > excess).sum(axis=1)
    return np.maximum(values - np.take_along_axis(excess, n_positive[:, None] - 1, axis=1), 0)
