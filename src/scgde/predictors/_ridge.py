from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scgde.nn.stored_weights import StoredModelError
from scgde.predictors._base import PREDICTORS, Predictor
from scgde.predictors._choose import choose

if TYPE_CHECKING:
    from scgde.predictors._inputs import Inputs

_ALPHAS = np.logspace(-2, 5, 15)


@PREDICTORS.register("ridge")
class Ridge(Predictor):
    """Linear map with a squared penalty, chosen by cross-validation.

    Parameters
    ----------
    residuals
        Whether draws scatter around the map with the covariance of its residuals, or are all the same.
    """

    def __init__(self, *, residuals: bool = False) -> None:
        super().__init__(residuals=residuals)

    def fit_pairs(self, inputs: Inputs, target: np.ndarray, groups: np.ndarray, rng: np.random.Generator) -> None:
        x = _with_constant(inputs)

        def losses(train: np.ndarray, test: np.ndarray) -> np.ndarray:
            maps = _ridge_maps(x[train], target[train])
            return np.array([np.square(x[test] @ map_ - target[test]).sum() for map_ in maps])

        best = choose(losses, groups, rng)
        best = len(_ALPHAS) // 2 if best is None else best
        map_ = _ridge_maps(x, target)[best]
        covariance = np.cov((target - x @ map_).T).reshape(target.shape[1], -1)
        self.chosen = {"alpha": float(_ALPHAS[best])}
        self.arrays = {"map": map_, "residual_root": _root(covariance)}

    def check_arrays(self, n_embed: int, n_covariates: int) -> None:
        shapes = {"map": (n_embed + n_covariates + 1, n_embed), "residual_root": (n_embed, n_embed)}
        if {name: value.shape for name, value in self.arrays.items()} != shapes:
            msg = f"A stored predictor must have arrays of the shapes {shapes}, got others. Save it again."
            raise StoredModelError(msg)

    def draw_targets(self, inputs: Inputs, n_draws: int, rng: np.random.Generator) -> np.ndarray:
        draws = np.repeat(self.mean_targets(inputs)[:, None], n_draws, axis=1)
        if self.options["residuals"]:
            draws = draws + rng.standard_normal(draws.shape) @ self.arrays["residual_root"]
        return draws

    def mean_targets(self, inputs: Inputs) -> np.ndarray:
        return _with_constant(inputs) @ self.arrays["map"]


def _with_constant(inputs: Inputs) -> np.ndarray:
    x = np.concatenate([inputs.source, inputs.covariates], axis=1)
    return np.concatenate([x, np.ones((len(x), 1))], axis=1)


def _ridge_maps(x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    """The map for each penalty, shape ``(d, E)``; the constant in the last column of ``x`` is not penalised."""
    center, mean = x[:, :-1].mean(axis=0), y.mean(axis=0)
    left, scale, right = np.linalg.svd(x[:, :-1] - center, full_matrices=False)
    rotated = left.T @ (y - mean)
    slopes = [right.T @ ((scale / (scale**2 + alpha))[:, None] * rotated) for alpha in _ALPHAS]
    return [np.concatenate([slope, (mean - center @ slope)[None]]) for slope in slopes]


def _root(covariance: np.ndarray) -> np.ndarray:
    """Symmetric root of a covariance."""
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
