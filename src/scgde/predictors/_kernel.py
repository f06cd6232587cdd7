from __future__ import annotations

from itertools import product, starmap
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scgde.predictors._base import PREDICTORS
from scgde.predictors._choose import total_losses
from scgde.predictors._kernel_system import KernelSystem, Regression, best_linear_weight, shrinkage
from scgde.predictors._mixture import MixturePredictor, check_choice, energy_score, weights_to_try

if TYPE_CHECKING:
    from collections.abc import Callable

    from scgde.predictors._inputs import Inputs

#: Larger data sets are thinned: the weights solve a system of this size.
MAX_PAIRS = 4000
#: All that may be mixed is compared on so many pairs, and the best of it on more.
_SCREENED, _N_KEPT = 200, 2
_PENALTIES = np.logspace(-2, 2, 13)


class _Form(NamedTuple):
    """What may be mixed.

    Parameters
    ----------
    relative
        Whether ``values`` are displacements.
    values
        Targets or displacements, shape ``(n, E)``.
    of_residuals
        Whether not they but the residuals of their regression are mixed.
    """

    relative: bool
    values: np.ndarray
    of_residuals: bool


class _Candidate(NamedTuple):
    """What may be mixed, and how much covariates and standard errors count in the weights."""

    form: _Form
    option: tuple[float, float]


@PREDICTORS.register("kernel")
class Kernel(MixturePredictor):
    """Mixture over the targets of the training pairs, by kernel regression of whole distributions.

    Kernel ridge regression gives each training target a weight; as the regression is linear in what is forecast, the
    same weights forecast the embedding, and every mean over the cells of the target set. Unlike a local average they
    use differences between neighbours, also negative ones; the nearest distribution, weights that are not negative
    and sum to 1, is then taken. The kernel is that of the energy distance, ``|a| + |b| - |a - b|``, which has no
    bandwidth.

    A mixture of *residuals* is one of the errors of a regression of the mean, with a penalty of its own, at each target
    when its group is left out; they are added to the forecast of the mean. It reaches between the targets seen, and
    beyond them along straight lines: the kernel of that regression has a linear part where groups that are left
    out are forecast better with one by two standard errors.

    A forecast is drawn towards its source, down to no change at all, where groups that are left out are forecast better
    so by two standard errors.

    What is mixed, the penalty, and whether standard errors and how much covariates count, are chosen by the energy
    score on held-out groups.

    Parameters
    ----------
    relative
        Whether displacements are mixed, see ``MixturePredictor``; chosen by default.
    residuals
        Whether residuals are mixed, of targets or displacements; chosen by default.

    References
    ----------
    :cite:t:`Song13` for the weights; :cite:t:`Sejdinovic13` for the kernel.
    """

    def __init__(self, *, relative: bool | None = None, residuals: bool | None = None) -> None:
        super().__init__(relative=check_choice(relative, "relative"), residuals=check_choice(residuals, "residuals"))
        self._built: dict[float, KernelSystem] = {}

    def fit_pairs(self, inputs: Inputs, target: np.ndarray, groups: np.ndarray, rng: np.random.Generator) -> None:
        if len(target) > MAX_PAIRS:
            rows = np.sort(rng.choice(len(target), MAX_PAIRS, replace=False))
            inputs, target, groups = inputs.take(rows), target[rows], np.unique(groups[rows], return_inverse=True)[1]
        options, forms = weights_to_try(inputs), self._forms(inputs, target)
        is_point = self.options["residuals"] is False
        linear = 0.0 if is_point else best_linear_weight(inputs, target, groups, rng.spawn(1)[0])
        candidates = list(starmap(_Candidate, product(forms, options)))
        if len(target) > _SCREENED:
            screened = total_losses(_losses(inputs, groups, candidates, linear), groups, rng, max_pairs=_SCREENED)
            candidates = _best(candidates, screened)
        total = total_losses(_losses(inputs, groups, candidates, linear), groups, rng)
        # Nothing can be held out of a single group.
        best = len(_PENALTIES) // 2 if total is None else int(np.argmin(total))
        candidate, penalty = divmod(best, len(_PENALTIES))
        self._learn(inputs, groups, *candidates[candidate], float(_PENALTIES[penalty]), linear)

    def weights(self, inputs: Inputs) -> np.ndarray:
        return self._system().weights(inputs, [self.chosen["penalty"]])[0]

    def regression(self, inputs: Inputs) -> np.ndarray:
        if "regressed" not in self.arrays:
            return np.zeros_like(inputs.source)
        system = self._system(self.chosen["linear_weight"])
        return system.signed_weights(inputs, [self.chosen["mean_penalty"]])[0] @ self.arrays["regressed"]

    def _forms(self, inputs: Inputs, target: np.ndarray) -> list[_Form]:
        residuals = self.options["residuals"]
        kinds = (False, True) if residuals is None else (residuals,)
        mixed = self._mixed(inputs, target).items()
        return [_Form(relative, values, kind) for (relative, values), kind in product(mixed, kinds)]

    def _learn(
        self,
        inputs: Inputs,
        groups: np.ndarray,
        form: _Form,
        option: tuple[float, float],
        penalty: float,
        linear_weight: float,
    ) -> None:
        """Fill what is stored, by what was chosen."""
        self.chosen = {"relative": float(form.relative), "residuals": float(form.of_residuals), "penalty": penalty}
        self.chosen |= dict(zip(("covariate_weight", "noise_weight"), option, strict=True))
        self.arrays = inputs._asdict() | {"targets": form.values}
        self._built = {}
        regression = Regression.of(self._system(linear_weight), form.values, groups)
        sources = self._sources_as_targets(inputs)
        displacement = form.values if form.relative else form.values - sources
        self.chosen["shrinkage"] = shrinkage(displacement, displacement - regression.residuals, groups)
        if form.of_residuals:
            self.chosen |= {"linear_weight": linear_weight, "mean_penalty": regression.penalty}
            self.arrays |= {"regressed": form.values, "targets": regression.residuals}

    def _system(self, linear_weight: float = 0.0) -> KernelSystem:
        if linear_weight not in self._built:
            weights = (self.chosen["covariate_weight"], self.chosen["noise_weight"], linear_weight)
            self._built[linear_weight] = KernelSystem.of(self._pairs(), *weights)
        return self._built[linear_weight]


def _best(candidates: list[_Candidate], losses: np.ndarray | None) -> list[_Candidate]:
    """The candidates with the lowest losses ``(len(candidates) * len(_PENALTIES),)``, the best first."""
    if losses is None:
        return candidates
    lowest = losses.reshape(len(candidates), -1).min(axis=1)
    return [candidates[i] for i in np.argsort(lowest, kind="stable")[:_N_KEPT]]


def _losses(
    inputs: Inputs, groups: np.ndarray, candidates: list[_Candidate], linear_weight: float
) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Energy score on held-out pairs of each candidate, for each penalty, in this order."""

    def losses(train: np.ndarray, test: np.ndarray) -> np.ndarray:
        known, asked = inputs.take(train), inputs.take(test)
        scores = np.empty((len(candidates), len(_PENALTIES)))
        for option in dict.fromkeys(option for _, option in candidates):
            forms = {i: one.form for i, one in enumerate(candidates) if one.option == option}
            system = KernelSystem.of(known, *option, dtype=np.float32)
            weights = system.weights(asked, _PENALTIES)
            if linear_weight and any(form.of_residuals for form in forms.values()):
                system = KernelSystem.of(known, *option, linear_weight, dtype=np.float32)
            for i, score in _scores(forms, system, groups, train, test, asked).items():
                scores[i] = [score(part) for part in weights]
        return scores.ravel()

    return losses


def _scores(
    forms: dict[int, _Form],
    system: KernelSystem,
    groups: np.ndarray,
    train: np.ndarray,
    test: np.ndarray,
    asked: Inputs,
) -> dict[int, Callable[[np.ndarray], float]]:
    """Energy score of each form as a function of the weights, by its number."""
    values = {i: form.values.astype(np.float32) for i, form in forms.items()}
    # As in use: what is mixed are errors of groups left out of the training part.
    numbers = [i for i, form in forms.items() if form.of_residuals]
    regressions = Regression.of_each(system, [values[i][train] for i in numbers], groups[train]) if numbers else []
    scores = {i: energy_score(value[train], value[test]) for i, value in values.items() if i not in numbers}
    return scores | {
        i: energy_score(regression.residuals, values[i][test] - regression.mean(asked))
        for i, regression in zip(numbers, regressions, strict=True)
    }
