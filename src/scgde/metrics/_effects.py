"""How near the predicted effect of a perturbation is to the true one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.stats import rankdata

if TYPE_CHECKING:
    from collections.abc import Callable

#: Features whose correlations are compared; features that count as found.
_MAX_CORRELATED, _MAX_TOP = 60, 20
_TINY = 1e-12


class Effect(NamedTuple):
    """A perturbation as it is judged: predicted and true cells, each with controls of its own.

    The control cells of both sides are different ones. Were they the same, their noise would be in both effects, and
    predictions of nothing would correlate with the truth.

    Attributes
    ----------
    predicted, true
        Cells, shapes ``(n, G)`` and ``(m, G)``.
    predicted_control, true_control
        Shapes ``(k, G)`` and ``(l, G)``.
    center
        Mean of perturbed training sets, shape ``(G,)``.
    """

    predicted: np.ndarray
    true: np.ndarray
    predicted_control: np.ndarray
    true_control: np.ndarray
    center: np.ndarray

    @property
    def predicted_delta(self) -> np.ndarray:
        """Difference of means, shape ``(G,)``."""
        return self.predicted.mean(axis=0) - self.predicted_control.mean(axis=0)

    @property
    def true_delta(self) -> np.ndarray:
        """Difference of means, shape ``(G,)``."""
        return self.true.mean(axis=0) - self.true_control.mean(axis=0)

    @property
    def t_scores(self) -> np.ndarray:
        """Of the true difference of each feature, shape ``(G,)``."""
        return self.true_delta / _standard_error(self.true, self.true_control)


class EffectScore(NamedTuple):
    """A score of predicted effects.

    Attributes
    ----------
    function
        Of an :class:`Effect`.
    higher_is_better
        Or lower.
    """

    function: Callable[[Effect], float]
    higher_is_better: bool


def delta_correlation(effect: Effect) -> float:
    """Correlation of predicted and true difference from the control; 0 where nothing is predicted."""
    return correlation(effect.predicted_delta, effect.true_delta)


def centered_correlation(effect: Effect) -> float:
    """Correlation of predicted and true difference from the mean of perturbed training sets."""
    return correlation(effect.predicted.mean(axis=0) - effect.center, effect.true.mean(axis=0) - effect.center)


def weighted_error(effect: Effect) -> float:
    """Root mean squared error of the mean, features weighted by their squared t-scores."""
    error = effect.predicted.mean(axis=0) - effect.true.mean(axis=0)
    return float(np.sqrt(_weights(effect) @ np.square(error)))


def weighted_r2(effect: Effect) -> float:
    """Share of the true difference that is explained, features weighted by their squared t-scores."""
    weights, true = _weights(effect), effect.true_delta
    total = weights @ np.square(true - weights @ true)
    return float(1 - weights @ np.square(effect.predicted_delta - true) / max(total, _TINY))


def top_recall(effect: Effect) -> float:
    """Share of the features with the largest true t-scores among those with the largest predicted differences.

    Of features with equal predictions none is preferred: a prediction of nothing finds what chance finds.
    """
    n_top = min(_MAX_TOP, max(1, len(effect.center) // 4))
    top = np.argsort(-np.abs(effect.t_scores), kind="stable")[:n_top]
    predicted = np.abs(effect.predicted_delta) / _standard_error(effect.predicted_control, effect.true_control)
    rank = rankdata(-predicted, method="average")[top]
    low, high = (rankdata(-predicted, method=how)[top] for how in ("min", "max"))
    # Of a tie across the limit, the expected share that falls within.
    inside = np.clip((n_top - low + 1) / (high - low + 1), 0, 1)
    return float(np.where(low == high, rank <= n_top, inside).mean())


def variance_correlation(effect: Effect) -> float:
    """Correlation of predicted and true log ratio of the variance of each feature to that of the control."""
    predicted = _log_variance(effect.predicted) - _log_variance(effect.predicted_control)
    return correlation(predicted, _log_variance(effect.true) - _log_variance(effect.true_control))


def correlation_slope(effect: Effect) -> float:
    """Slope of the correlations between features of predicted cells on those of true ones.

    1 where they are alike and there are many cells; the noise of few bends it down, that of the split half, too.
    """
    most = np.argsort(-effect.true.var(axis=0), kind="stable")[:_MAX_CORRELATED]
    true, predicted = (_correlations(cells[:, most]) for cells in (effect.true, effect.predicted))
    spread = np.square(true - true.mean()).sum()
    return float((true - true.mean()) @ (predicted - predicted.mean()) / max(spread, _TINY))


#: Scores of one effect by name.
EFFECT_SCORES: dict[str, EffectScore] = {
    "delta_correlation": EffectScore(delta_correlation, higher_is_better=True),
    "centered_correlation": EffectScore(centered_correlation, higher_is_better=True),
    "weighted_error": EffectScore(weighted_error, higher_is_better=False),
    "weighted_r2": EffectScore(weighted_r2, higher_is_better=True),
    "top_recall": EffectScore(top_recall, higher_is_better=True),
    "variance_correlation": EffectScore(variance_correlation, higher_is_better=True),
    "correlation_slope": EffectScore(correlation_slope, higher_is_better=True),
}


def discrimination(predicted: np.ndarray, true: np.ndarray, others: np.ndarray, *, cosine: bool = False) -> float:
    """Share of other perturbations whose true effect is farther from the predicted one than that of its own.

    Parameters
    ----------
    predicted, true
        Effects, shape ``(G,)``.
    others
        True effects of other perturbations, shape ``(n, G)``.
    cosine
        Whether directions are compared, not Euclidean distances.

    Returns
    -------
    1 where no other one is nearer, 0.5 by chance; ties count half, so that a prediction of nothing has 0.5 by cosine.
    """
    if len(others) == 0:
        return np.nan
    of_own, of_others = (_distances(predicted, part, cosine=cosine) for part in (true[None], others))
    tie = np.isclose(of_others, of_own, rtol=1e-9, atol=1e-12)
    return float(np.where(tie, 0.5, of_others > of_own).mean())


def correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Pearson correlation; 0 where one of both is constant."""
    x, y = x - x.mean(), y - y.mean()
    size = np.linalg.norm(x) * np.linalg.norm(y)
    return float(x @ y / size) if size > _TINY else 0.0


def _distances(x: np.ndarray, to: np.ndarray, *, cosine: bool) -> np.ndarray:
    if not cosine:
        return np.linalg.norm(to - x, axis=1)
    size = np.linalg.norm(to, axis=1) * np.linalg.norm(x)
    return 1 - np.where(size > _TINY, to @ x / np.maximum(size, _TINY), 0.0)


def _standard_error(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    variance = x.var(axis=0) / max(len(x) - 1, 1) + y.var(axis=0) / max(len(y) - 1, 1)
    return np.sqrt(np.maximum(variance, _TINY))


def _weights(effect: Effect) -> np.ndarray:
    squares = np.square(effect.t_scores)
    return squares / max(squares.sum(), _TINY)


def _log_variance(cells: np.ndarray) -> np.ndarray:
    return np.log(cells.var(axis=0) + 1e-6)


def _correlations(cells: np.ndarray) -> np.ndarray:
    centered = cells - cells.mean(axis=0)
    scaled = centered / np.maximum(np.linalg.norm(centered, axis=0), _TINY)
    return (scaled.T @ scaled)[np.triu_indices(cells.shape[1], 1)]
