from __future__ import annotations

import numpy as np

from scgde.predictors._base import PREDICTORS
from scgde.predictors._displacement import DisplacementPredictor, ridge_operator, row_weights

#: Keeps the system solvable where two perturbations came together only.
_PENALTY = 1e-3


@PREDICTORS.register("additive")
class Additive(DisplacementPredictor):
    """Effects add up, and each is shrunk towards zero by its noise.

    The effect of each feature is fitted by weighted least squares to all displacements, combinations among them, and
    then multiplied by ``max(0, 1 - noise / |effect|^2)``, where the noise follows from the standard errors of both
    embeddings: an effect within its noise is none. Meant for features that single perturbations do not share, as
    one-hot ones are.

    Parameters
    ----------
    shrink
        Whether effects are shrunk.

    References
    ----------
    :cite:t:`Efron73` for the factor.
    """

    def __init__(self, *, shrink: bool = True) -> None:
        super().__init__(shrink=shrink)

    def fit_effects(
        self, features: np.ndarray, displacement: np.ndarray, noise: np.ndarray, groups: np.ndarray
    ) -> None:
        operator = ridge_operator(features, row_weights(noise), _PENALTY)
        effects = operator @ displacement
        if self.options["shrink"]:
            effects = effects * _kept(np.square(effects).sum(axis=1), np.square(operator) @ noise)[:, None]
        self.arrays = {"effects": effects}


def _kept(size: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Share of each effect that is left, from its square and the expected square of its noise, shape ``(c,)``."""
    return 1 - np.divide(noise, size, out=np.ones_like(size), where=size > noise)
