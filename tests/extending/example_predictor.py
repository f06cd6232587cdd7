"""A predictor of one's own: a linear map, with the residuals of training pairs as its spread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scgde.predictors import PREDICTORS, Predictor

if TYPE_CHECKING:
    from scgde.predictors import Inputs


@PREDICTORS.register("least_squares")
class LeastSquares(Predictor):
    """Linear map by least squares; a draw adds the residual of a random training pair.

    Parameters
    ----------
    spread
        Factor on the residuals; 0 for draws that are all the mean.
    """

    def __init__(self, *, spread: float = 1.0) -> None:
        super().__init__(spread=spread)

    def fit_pairs(self, inputs: Inputs, target: np.ndarray, groups: np.ndarray, rng: np.random.Generator) -> None:
        x = _with_constant(inputs)
        slope = np.linalg.lstsq(x, target, rcond=None)[0]
        self.arrays = {"slope": slope, "residuals": target - x @ slope}

    def mean_targets(self, inputs: Inputs) -> np.ndarray:
        return _with_constant(inputs) @ self.arrays["slope"]

    def draw_targets(self, inputs: Inputs, n_draws: int, rng: np.random.Generator) -> np.ndarray:
        residuals, mean = self.arrays["residuals"], self.mean_targets(inputs)
        drawn = residuals[rng.integers(len(residuals), size=(len(mean), n_draws))]
        return mean[:, None] + self.options["spread"] * drawn


def _with_constant(inputs: Inputs) -> np.ndarray:
    """Embeddings, covariates and a constant, shape ``(n, E + c + 1)``."""
    return np.column_stack([inputs.source, inputs.covariates, np.ones(len(inputs.source))])
