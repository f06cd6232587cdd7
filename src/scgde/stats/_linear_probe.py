"""Linear models of labels on one vector per set, with the penalty chosen within the training part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression, Ridge

from scgde.stats._cross_validation import n_groups_of_rarest, splits
from scgde.stats._two_classes import fit_two_classes

#: Inverse penalties, in the convention of scikit-learn; inputs are standardised.
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
#: Strength where there are too few sets to choose one by cross-validation.
DEFAULT_STRENGTH = 1e-2
_INNER_SPLITS = 5
_SMALLEST = 1e-15


@dataclass(frozen=True)
class Labels:
    """Labels of sets.

    Attributes
    ----------
    values
        Codes of classes, or numbers, shape ``(n,)``.
    groups
        Sets of one group are never on both sides of a split, shape ``(n,)``.
    n_classes
        0 where the labels are numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> labels = stats.Labels(np.array([0, 1, 1]), np.arange(3), n_classes=2)
    >>> labels.n_classes
    2
    """

    values: np.ndarray
    groups: np.ndarray
    n_classes: int

    def at(self, rows: np.ndarray) -> Labels:
        """Labels of the sets at these positions."""
        return Labels(self.values[rows], self.groups[rows], self.n_classes)

    @property
    def strata(self) -> np.ndarray:
        """Classes that splits are balanced by; one stratum where labels are numbers."""
        return self.values if self.n_classes else np.zeros(len(self.values), dtype=np.int64)


class Standardizer(NamedTuple):
    """Centre columns and divide them by their standard deviation; with fewer rows than columns, rotate to axes.

    Attributes
    ----------
    center, scale
        Mean and standard deviation of each column, shape ``(d,)``; the scale of a constant column is infinite.
    axes
        Principal axes, shape ``(k, d)``; None where the columns are kept as they are.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> x = np.array([[0.0], [2.0]])
    >>> stats.Standardizer(np.array([1.0]), np.array([2.0]), None)(x).ravel().tolist()
    [-0.5, 0.5]
    """

    center: np.ndarray
    scale: np.ndarray
    axes: np.ndarray | None

    def __call__(self, x: np.ndarray) -> np.ndarray:
        x = (x - self.center) / self.scale
        return x if self.axes is None else x @ self.axes.T


class Linear(NamedTuple):
    """Logits of classes, or a number: ``x @ coef.T + intercept``, of shapes ``(C, d)`` and ``(C,)``.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> stats.Linear(np.array([[2.0]]), np.array([1.0])).coef
    array([[2.]])
    """

    coef: np.ndarray
    intercept: np.ndarray

    def outputs(self, x: np.ndarray, *, classes: bool) -> np.ndarray:
        """Probabilities of classes, or numbers, ``(m, d)`` to ``(m, C)``."""
        raw = x @ self.coef.T + self.intercept
        return softmax(raw, axis=1) if classes else raw

    def of_raw_columns(self, standardizer: Standardizer) -> Linear:
        """The same model as a function of the columns before they were standardised."""
        coef = (self.coef if standardizer.axes is None else self.coef @ standardizer.axes) / standardizer.scale
        return Linear(coef, self.intercept - coef @ standardizer.center)


def fit_predict(
    x: np.ndarray, labels: Labels, new: np.ndarray, rng: np.random.Generator, *, class_weight: str | None
) -> np.ndarray:
    """Fit on ``x`` ``(n, d)`` and predict for ``new`` ``(m, d)``.

    Returns
    -------
    Probability of each class, shape ``(m, n_classes)``, or predicted numbers, ``(m, 1)``. Where d is 0: the
    frequencies, or the mean, of the labels.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> x, labels = np.arange(10.0)[:, None], stats.Labels(np.arange(10) // 5, np.arange(10), n_classes=2)
    >>> new = np.array([[0.0], [9.0]])
    >>> probability = stats.fit_predict(x, labels, new, np.random.default_rng(0), class_weight=None)
    >>> probability.argmax(axis=1).tolist()
    [0, 1]
    """
    if x.shape[1] == 0:
        return np.tile(_marginal(labels), (len(new), 1))
    return fit_linear(x, labels, rng, class_weight=class_weight).outputs(new, classes=labels.n_classes > 0)


def fit_linear(x: np.ndarray, labels: Labels, rng: np.random.Generator, *, class_weight: str | None) -> Linear:
    """The model that :func:`scgde.stats.fit_predict` predicts with, as a function of the columns of ``x``.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> x, labels = np.arange(10.0)[:, None], stats.Labels(np.arange(10.0), np.arange(10), n_classes=0)
    >>> stats.fit_linear(x, labels, np.random.default_rng(0), class_weight=None).coef.shape
    (1, 1)
    """
    standardizer = _fit_standardizer(x)
    standardized = standardizer(x)
    strength = _best_strength(standardized, labels, rng, class_weight)
    return _fitted(standardized, labels, strength, class_weight).of_raw_columns(standardizer)


def losses(labels: Labels, outputs: np.ndarray, *, class_weight: str | None = None) -> np.ndarray:
    """Log loss, or squared error, of each labelled set, shape ``(n,)``; ``"balanced"`` gives classes equal weight.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> labels = stats.Labels(np.array([1.0, 2.0]), np.arange(2), n_classes=0)
    >>> stats.losses(labels, np.array([[1.0], [4.0]])).tolist()
    [0.0, 4.0]
    """
    if not labels.n_classes:
        return (labels.values - outputs[:, 0]) ** 2
    values = -np.log(outputs[np.arange(len(outputs)), labels.values].clip(_SMALLEST))
    if class_weight is None:
        return values
    return values * _balancing_weights(labels.values)


def _best_strength(x: np.ndarray, labels: Labels, rng: np.random.Generator, class_weight: str | None) -> float:
    n_splits = min(_INNER_SPLITS, n_groups_of_rarest(labels.strata, labels.groups))
    if n_splits < 2:
        return DEFAULT_STRENGTH
    parts = splits(labels.strata, labels.groups, n_splits, rng)
    of_strengths = [
        sum(
            losses(
                labels.at(part.test),
                _outputs(x[part.train], labels.at(part.train), x[part.test], strength, class_weight),
            ).sum()
            for part in parts
        )
        for strength in STRENGTHS
    ]
    return STRENGTHS[int(np.argmin(of_strengths))]


def _outputs(x: np.ndarray, labels: Labels, new: np.ndarray, strength: float, class_weight: str | None) -> np.ndarray:
    return _fitted(x, labels, strength, class_weight).outputs(new, classes=labels.n_classes > 0)


def _fitted(x: np.ndarray, labels: Labels, strength: float, class_weight: str | None) -> Linear:
    if not labels.n_classes:
        ridge = Ridge(alpha=1 / strength).fit(x, labels.values)
        return Linear(ridge.coef_[None], np.array([ridge.intercept_]))
    present = np.unique(labels.values)
    coef, intercept = np.zeros((labels.n_classes, x.shape[1])), np.full(labels.n_classes, -np.inf)
    intercept[present] = 0
    weights = None if class_weight is None else _balancing_weights(labels.values)
    if len(present) == 2:
        # One row: the logit of the second over the first.
        second = present[1]
        coef[second], intercept[second] = fit_two_classes(x, labels.values == second, strength, weights)
    elif len(present) > 2:
        model = LogisticRegression(C=strength, max_iter=5000).fit(x, labels.values, sample_weight=weights)
        coef[present], intercept[present] = model.coef_, model.intercept_
    return Linear(coef, intercept)


def _balancing_weights(values: np.ndarray) -> np.ndarray:
    """Weights of sets with mean 1 that make those of each class there is the same, shape ``(n,)``."""
    present, code, counts = np.unique(values, return_inverse=True, return_counts=True)
    return len(values) / len(present) / counts[code]


def _marginal(labels: Labels) -> np.ndarray:
    if not labels.n_classes:
        return np.array([labels.values.mean()])
    return np.bincount(labels.values, minlength=labels.n_classes) / len(labels.values)


def _fit_standardizer(x: np.ndarray) -> Standardizer:
    center, scale = x.mean(axis=0), x.std(axis=0)
    scale[scale < 1e-10 * (np.abs(center) + 1)] = np.inf
    if x.shape[1] <= len(x):
        return Standardizer(center, scale, None)
    # A penalty on the length of the coefficients does not see rotations.
    return Standardizer(center, scale, np.linalg.svd((x - center) / scale, full_matrices=False)[2])
