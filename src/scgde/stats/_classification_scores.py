"""How well predicted labels agree with true ones."""

from __future__ import annotations

import numpy as np
from scipy import stats
from sklearn.metrics import average_precision_score, roc_auc_score

#: Least and greatest value of each score that has an interval.
BOUNDS = {
    "accuracy": (0.0, 1.0),
    "balanced_accuracy": (0.0, 1.0),
    "roc_auc": (0.0, 1.0),
    "f1": (0.0, 1.0),
    "average_precision": (0.0, 1.0),
    "brier": (0.0, 2.0),
    "r2": (-np.inf, 1.0),
    "spearman": (-1.0, 1.0),
}
_BINS = 10


def class_scores(truth: np.ndarray, probability: np.ndarray) -> dict[str, float]:
    """Scores of class probabilities.

    Parameters
    ----------
    truth
        Codes, shape ``(n,)``.
    probability
        Shape ``(n, C)``.

    Returns
    -------
    ``accuracy``; ``balanced_accuracy``; ``roc_auc``, ``f1`` and ``average_precision``, of the last class where there
    are two, else the mean over the classes that occur; ``brier``, the squared error of the probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> scores = stats.class_scores(np.array([0, 1]), np.array([[0.9, 0.1], [0.2, 0.8]]))
    >>> scores["accuracy"]
    1.0
    """
    predicted = probability.argmax(axis=1)
    present = np.unique(truth)
    positive = present if probability.shape[1] > 2 else np.array([1])
    ranked = [code for code in positive if 0 < (truth == code).sum() < len(truth)]
    return {
        "accuracy": float((predicted == truth).mean()),
        "balanced_accuracy": float(np.mean([(predicted[truth == code] == code).mean() for code in present])),
        "roc_auc": _mean([roc_auc_score(truth == code, probability[:, code]) for code in ranked]),
        "f1": _mean([_f1(truth == code, predicted == code) for code in positive]),
        "average_precision": _mean([average_precision_score(truth == code, probability[:, code]) for code in ranked]),
        "brier": float(((probability - np.eye(probability.shape[1])[truth]) ** 2).sum(axis=1).mean()),
    }


def number_scores(truth: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """``r2`` and the rank correlation ``spearman``; 0 where the prediction does not vary.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> stats.number_scores(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0]))["r2"]
    1.0
    """
    spread = ((truth - truth.mean()) ** 2).sum()
    varies = np.ptp(predicted) > 0 and spread > 0
    return {
        "r2": float(1 - ((truth - predicted) ** 2).sum() / spread) if spread > 0 else np.nan,
        "spearman": float(stats.spearmanr(truth, predicted).statistic) if varies else 0.0,
    }


def calibration_error(truth: np.ndarray, probability: np.ndarray) -> float:
    """Mean gap between the probability of the predicted class and how often it is right, over ten bins.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> stats.calibration_error(np.array([0, 1]), np.array([[1.0, 0.0], [0.0, 1.0]]))
    0.0
    """
    confidence, right = probability.max(axis=1), probability.argmax(axis=1) == truth
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = np.bincount(bins, right, minlength=_BINS) - np.bincount(bins, confidence, minlength=_BINS)
    return float(np.abs(gaps).sum() / len(truth))


def interval(values: np.ndarray, n_splits: int, level: float, bounds: tuple[float, float]) -> tuple[float, float]:
    """Confidence interval of a mean over test parts that share their training sets.

    Test parts share training sets, so their scores are correlated: the variance is ``1 / n + n_test / n_train`` times
    the variance between parts. Cutting the interval at the bounds of the score does not change how often it covers.

    Parameters
    ----------
    values
        One per part, repeats included, shape ``(n,)``.
    n_splits
        Parts that a repeat is split into.
    level
        How often the interval should cover.
    bounds
        Least and greatest value of the score.

    References
    ----------
    :cite:t:`Nadeau03`.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> low, high = stats.interval(np.array([0.7, 0.8, 0.75, 0.8]), 4, 0.95, (0, 1))
    >>> low < 0.7625 < high
    True
    """
    values = values[np.isfinite(values)]
    if len(values) < 2:
        return np.nan, np.nan
    # With k parts, n_test / n_train = 1 / (k - 1).
    error = values.std(ddof=1) * np.sqrt(1 / len(values) + 1 / (n_splits - 1))
    half = stats.t.ppf(0.5 + level / 2, len(values) - 1) * error
    return max(float(values.mean() - half), bounds[0]), min(float(values.mean() + half), bounds[1])


def _f1(truth: np.ndarray, predicted: np.ndarray) -> float:
    both = truth.sum() + predicted.sum()
    return float(2 * (truth & predicted).sum() / both) if both else 0.0


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else np.nan
