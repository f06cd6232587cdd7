"""Logistic regression of two classes by Newton's method: exact, and fast where it is fitted thousands of times."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import expit

_MAX_STEPS, _MAX_HALVINGS, _TOLERANCE = 100, 30, 1e-12


def fit_two_classes(
    x: np.ndarray, is_second: np.ndarray, strength: float, weights: np.ndarray | None = None
) -> tuple[np.ndarray, float]:
    """Coefficients ``(d,)`` and intercept of the logit of the second class over the first.

    They minimise the weighted log loss plus ``|coefficients|^2 / (2 strength)``, as ``C`` of scikit-learn does.

    Parameters
    ----------
    x
        One vector a row, shape ``(n, d)``.
    is_second
        Whether a row is of the second class, shape ``(n,)``; there must be rows of both.
    strength
        Inverse penalty.
    weights
        Of the rows, shape ``(n,)``; 1 by default.
    """
    columns = np.column_stack([x, np.ones(len(x))])
    problem = _Penalised(
        columns,
        np.where(is_second, 1.0, -1.0),
        np.ones(len(x)) if weights is None else weights,
        np.append(np.full(x.shape[1], 1 / strength), 0.0),  # the intercept has no penalty
    )
    beta = np.zeros(columns.shape[1])
    for _ in range(_MAX_STEPS):
        step, decrease = problem.newton_step(beta)
        if decrease <= _TOLERANCE * len(x):
            break
        beta = problem.moved(beta, step)
    return beta[:-1], float(beta[-1])


class _Penalised(NamedTuple):
    """Weighted log loss of ``columns @ beta``, classes being signs, plus half of ``penalty @ beta^2``."""

    columns: np.ndarray
    sign: np.ndarray
    weights: np.ndarray
    penalty: np.ndarray

    def loss(self, beta: np.ndarray) -> float:
        log_loss = np.logaddexp(0, -self.sign * (self.columns @ beta))
        return self.weights @ log_loss + self.penalty @ beta**2 / 2

    def newton_step(self, beta: np.ndarray) -> tuple[np.ndarray, float]:
        """Step to the minimum of the quadratic approximation, and twice the decrease that it promises."""
        wrong = expit(-self.sign * (self.columns @ beta))
        gradient = self.penalty * beta - self.columns.T @ (self.weights * self.sign * wrong)
        curvature = self.columns.T * (self.weights * wrong * (1 - wrong)) @ self.columns + np.diag(self.penalty)
        step = -np.linalg.solve(curvature, gradient)
        return step, float(-gradient @ step)

    def moved(self, beta: np.ndarray, step: np.ndarray) -> np.ndarray:
        """``beta`` after the largest of 1, 1/2, 1/4, ... of a step after which the loss is no larger."""
        before, lengths = self.loss(beta), 0.5 ** np.arange(_MAX_HALVINGS)
        shorter = (beta + length * step for length in lengths)
        return next((other for other in shorter if self.loss(other) <= before), beta)
