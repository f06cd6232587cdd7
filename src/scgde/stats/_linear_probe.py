"""Linear models of labels on one vector per set, with scaling and penalty chosen within the training part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression, Ridge

from scgde.stats._cross_validation import Split, n_groups_of_rarest, splits
from scgde.stats._standardizer import Standardizer, standardizers

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
    x: np.ndarray,
    labels: Labels,
    new: np.ndarray,
    rng: np.random.Generator,
    *,
    class_weight: str | None,
    reliability: np.ndarray | None = None,
) -> np.ndarray:
    """Fit on ``x`` ``(n, d)`` and predict for ``new`` ``(m, d)``; see :func:`scgde.stats.fit_linear`.

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
    linear = fit_linear(x, labels, rng, class_weight=class_weight, reliability=reliability)
    return linear.outputs(new, classes=labels.n_classes > 0)


def fit_linear(
    x: np.ndarray,
    labels: Labels,
    rng: np.random.Generator,
    *,
    class_weight: str | None,
    reliability: np.ndarray | None = None,
) -> Linear:
    """Logistic or ridge regression, with what the penalty is relative to, and its strength, by cross-validation.

    A penalty is relative to the units of the columns. Each is divided by its own standard deviation, and multiplied by
    its reliability, so that columns of noise are held down; or all by a common one, which holds down those that vary
    little, where its loss on sets that are left out is lower by more than one standard error.

    Parameters
    ----------
    x
        One vector per set, shape ``(n, d)``.
    labels
        Of the sets.
    rng
        Of the splits.
    class_weight
        None, or ``"balanced"`` for classes of equal weight.
    reliability
        Of each column, shape ``(d,)``, see :func:`scgde.stats.reliability`; None where all are alike.

    Returns
    -------
    The model as a function of the columns of ``x`` as they are.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> x, labels = np.arange(10.0)[:, None], stats.Labels(np.arange(10.0), np.arange(10), n_classes=0)
    >>> stats.fit_linear(x, labels, np.random.default_rng(0), class_weight=None).coef.shape
    (1, 1)
    """
    n_splits = min(_INNER_SPLITS, n_groups_of_rarest(labels.strata, labels.groups))
    parts = splits(labels.strata, labels.groups, n_splits, rng) if n_splits > 1 else []
    own, common = (_tuned(scaling, x, labels, parts, class_weight) for scaling in standardizers(x, reliability))
    best = common if _is_lower(common.left_out, own.left_out) else own
    return _fitted(best.scaling(x), labels, best.strength, class_weight).of_raw_columns(best.scaling)


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
    present, code, counts = np.unique(labels.values, return_inverse=True, return_counts=True)
    return values * len(values) / len(present) / counts[code]


class _Tuned(NamedTuple):
    """A scaling, its best strength, and the loss of each set while it was left out, ``(n,)``."""

    scaling: Standardizer
    strength: float
    left_out: np.ndarray


def _tuned(
    scaling: Standardizer, x: np.ndarray, labels: Labels, parts: list[Split], class_weight: str | None
) -> _Tuned:
    if not parts:
        return _Tuned(scaling, DEFAULT_STRENGTH, np.zeros(len(x)))
    scaled = scaling(x)
    of_strengths = [_left_out(scaled, labels, parts, strength, class_weight) for strength in STRENGTHS]
    best = int(np.argmin([values.sum() for values in of_strengths]))
    return _Tuned(scaling, STRENGTHS[best], of_strengths[best])


def _left_out(
    x: np.ndarray, labels: Labels, parts: list[Split], strength: float, class_weight: str | None
) -> np.ndarray:
    """Loss of each set, predicted from the parts that it is not in, shape ``(n,)``."""
    values = np.empty(len(x))
    for train, test in parts:
        outputs = _outputs(x[train], labels.at(train), x[test], strength, class_weight)
        values[test] = losses(labels.at(test), outputs)
    return values


def _is_lower(some: np.ndarray, others: np.ndarray) -> bool:
    """Whether losses are lower than those of the same sets by more than one standard error."""
    gain = others - some
    return bool(gain.mean() > gain.std(ddof=1) / np.sqrt(len(gain)))


def _outputs(x: np.ndarray, labels: Labels, new: np.ndarray, strength: float, class_weight: str | None) -> np.ndarray:
    return _fitted(x, labels, strength, class_weight).outputs(new, classes=labels.n_classes > 0)


def _fitted(x: np.ndarray, labels: Labels, strength: float, class_weight: str | None) -> Linear:
    if not labels.n_classes:
        ridge = Ridge(alpha=1 / strength).fit(x, labels.values)
        return Linear(ridge.coef_[None], np.array([ridge.intercept_]))
    present = np.unique(labels.values)
    coef, intercept = np.zeros((labels.n_classes, x.shape[1])), np.full(labels.n_classes, -np.inf)
    intercept[present] = 0
    if len(present) > 1:
        model = LogisticRegression(C=strength, class_weight=class_weight, max_iter=5000).fit(x, labels.values)
        # Of two classes there is one row: the logit of the second over the first.
        modelled = present[-len(model.coef_) :]
        coef[modelled], intercept[modelled] = model.coef_, model.intercept_
    return Linear(coef, intercept)


def _marginal(labels: Labels) -> np.ndarray:
    if not labels.n_classes:
        return np.array([labels.values.mean()])
    return np.bincount(labels.values, minlength=labels.n_classes) / len(labels.values)
