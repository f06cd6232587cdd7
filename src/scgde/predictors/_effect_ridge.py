from __future__ import annotations

import numpy as np

from scgde._checks import check_positive
from scgde.predictors._base import PREDICTORS
from scgde.predictors._displacement import DisplacementPredictor, ridge_operator, row_weights

_PENALTIES = np.logspace(-3, 3, 25)


@PREDICTORS.register("effect_ridge")
class EffectRidge(DisplacementPredictor):
    """Effects of features with a squared penalty, without a constant: shrunken additivity.

    For features that perturbations share, such as those of their genes, and for combinations that are less than the
    sum of their parts. The penalty is chosen on perturbations that are left out whole; where none of them can be
    forecast from others, on single pairs; and where these cannot either, it is the ratio of noise to signal.

    Parameters
    ----------
    penalty
        Of features of unit size; chosen by default.
    """

    def __init__(self, *, penalty: float | None = None) -> None:
        super().__init__(penalty=None if penalty is None else check_positive(penalty, "penalty"))

    def fit_effects(
        self, features: np.ndarray, displacement: np.ndarray, noise: np.ndarray, groups: np.ndarray
    ) -> None:
        scale = np.sqrt(np.square(features).mean(axis=0))
        scale[scale < 1e-12] = 1.0
        x, weights = features / scale, row_weights(noise)
        penalty = self.options["penalty"] or _chosen_penalty(x, displacement, weights, noise, groups)
        self.chosen = {"penalty": penalty}
        self.arrays = {"effects": ridge_operator(x, weights, penalty) @ displacement / scale[:, None]}


def _chosen_penalty(x: np.ndarray, y: np.ndarray, weights: np.ndarray, noise: np.ndarray, groups: np.ndarray) -> float:
    penalties = _PENALTIES * np.square(x).sum() / max(x.shape[1], 1)
    for parts in (groups, np.arange(len(x))):
        losses = np.array([_left_out_loss(x, y, weights, parts, penalty) for penalty in penalties])
        if np.ptp(losses) > 1e-6 * losses.max():
            return float(penalties[losses.argmin()])
    return _ratio_of_noise(x, y, noise)


def _left_out_loss(x: np.ndarray, y: np.ndarray, weights: np.ndarray, groups: np.ndarray, penalty: float) -> float:
    """Squared error of each group by the fit to all others, in closed form."""
    hat = x @ ridge_operator(x, weights, penalty)
    residual, loss = y - hat @ y, 0.0
    for group in np.unique(groups):
        rows = groups == group
        left_out = np.linalg.solve(np.eye(rows.sum()) - hat[np.ix_(rows, rows)], residual[rows])
        loss += float((weights[rows, None] * np.square(left_out)).sum())
    return loss


def _ratio_of_noise(x: np.ndarray, y: np.ndarray, noise: np.ndarray) -> float:
    """Penalty under which the prior of an effect has the variance that displacements have beyond their noise."""
    total, expected = np.square(y).sum(axis=1).mean(), noise.mean()
    signal = max(total - expected, 1e-3 * total, np.finfo(float).tiny)
    return float(max(expected / signal, 1e-6) * np.square(x).sum(axis=1).mean())
