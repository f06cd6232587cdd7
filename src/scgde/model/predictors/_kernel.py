from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from scgde.model.predictors._base import predictors
from scgde.model.predictors._choose import choose
from scgde.model.predictors._kernel_system import KernelSystem, Regression, best_linear_weight
from scgde.model.predictors._mixture import MixturePredictor, check_choice, energy_score, weights_to_try

if TYPE_CHECKING:
    from scgde.model.predictors._inputs import Inputs

#: Larger data sets are thinned: the weights solve a system of this size.
MAX_PAIRS = 4000
_PENALTIES = np.logspace(-2, 2, 13)


@predictors.register("kernel")
class Kernel(MixturePredictor):
    """Mixture over the targets of the training pairs, by kernel regression of whole distributions.

    Kernel ridge regression gives each training target a weight; as the regression is linear in what is forecast, the
    same weights forecast the embedding, and every mean over the cells of the target set. Unlike a local average they
    use differences between neighbours, also negative ones; the nearest distribution, weights that are not negative
    and sum to 1, is then taken. The kernel is that of the energy distance, ``|a| + |b| - |a - b|``, which has no
    bandwidth.

    A mixture of *residuals* is one of what a regression of the mean, with a penalty of its own, misses each target by
    when its group is left out; they are added to the forecast of the mean. It reaches between the targets seen, and
    beyond them along straight lines: that regression has a linear part beside the kernel where groups that are left
    out are forecast better with one, beyond doubt.

    What is mixed, the penalty, and whether standard errors and how much covariates count, are chosen by the energy
    score on held-out groups.

    Parameters
    ----------
    relative
        Whether displacements are mixed, see :class:`MixturePredictor`; chosen by default.
    residuals
        Whether residuals are mixed, of targets or displacements; chosen by default.

    References
    ----------
    :cite:t:`Song13` for the weights; :cite:t:`Sejdinovic13` for the kernel.
    """

    def __init__(self, *, relative: bool | None = None, residuals: bool | None = None) -> None:
        super().__init__(relative=check_choice(relative, "relative"), residuals=check_choice(residuals, "residuals"))
        self._built: dict[float, KernelSystem] = {}

    def _fit(self, inputs: Inputs, target: np.ndarray, groups: np.ndarray, rng: np.random.Generator) -> None:
        if len(target) > MAX_PAIRS:
            kept = np.sort(rng.choice(len(target), MAX_PAIRS, replace=False))
            inputs, target, groups = inputs.take(kept), target[kept], np.unique(groups[kept], return_inverse=True)[1]
        options, residuals = weights_to_try(inputs), self.options["residuals"]
        linear = 0.0 if residuals is False else best_linear_weight(inputs, target, groups, rng.spawn(1)[0])
        forms = list(product(self._mixed(inputs, target).items(), (False, True) if residuals is None else (residuals,)))

        def losses(train: np.ndarray, test: np.ndarray) -> np.ndarray:
            known, asked = inputs.take(train), inputs.take(test)
            systems = [KernelSystem.of(known, *option) for option in options]
            of_means = [KernelSystem.of(known, *option, linear) for option in options] if linear else systems
            weights = [system.weights(asked, _PENALTIES) for system in systems]
            scores = []
            for ((_, values), of_residuals), (of_mean, parts) in product(forms, zip(of_means, weights, strict=True)):
                mixed, truth = values[train], values[test]
                if of_residuals:
                    regression = Regression.of(of_mean, mixed, groups[train])
                    mixed, truth = regression.residuals, truth - regression.mean(asked)
                score = energy_score(mixed, truth)
                scores += [score(part) for part in parts]
            return np.array(scores)

        best = choose(losses, groups, rng)
        # Nothing can be held out of a single group.
        best = len(_PENALTIES) // 2 if best is None else best
        form, option, penalty = np.unravel_index(best, (len(forms), len(options), len(_PENALTIES)))
        (relative, values), of_residuals = forms[form]
        chosen = {"relative": relative, "residuals": of_residuals, "penalty": _PENALTIES[penalty]}
        chosen |= dict(zip(("covariate_weight", "noise_weight"), options[option], strict=True))
        self._state = {name: np.array([value], dtype=float) for name, value in chosen.items()}
        self._state |= inputs._asdict() | {"targets": values}
        self._built = {}
        if of_residuals:
            regression = Regression.of(self._system(linear), values, groups)
            self._state |= {"linear_weight": np.array([linear]), "mean_penalty": np.array([regression.penalty])}
            self._state |= {"regressed": values, "targets": regression.residuals}

    def weights(self, inputs: Inputs) -> np.ndarray:
        return self._system().weights(inputs, self._state["penalty"])[0]

    def _origin(self, inputs: Inputs) -> np.ndarray:
        origin = super()._origin(inputs)
        if "regressed" in self._state:
            system = self._system(self._state["linear_weight"].item())
            weights = system.signed_weights(inputs, self._state["mean_penalty"])[0]
            origin = origin + weights @ self._state["regressed"]
        return origin

    def _system(self, linear_weight: float = 0.0) -> KernelSystem:
        if linear_weight not in self._built:
            covariate_weight, noise_weight = (self._state[name].item() for name in ("covariate_weight", "noise_weight"))
            built = KernelSystem.of(self._pairs(), covariate_weight, noise_weight, linear_weight)
            self._built[linear_weight] = built
        return self._built[linear_weight]
