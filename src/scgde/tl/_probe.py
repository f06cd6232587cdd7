"""Linear models of labels on one vector per set, with the penalty chosen within the training part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge

from scgde.tl._splits import n_groups_of_rarest, splits

#: Inverse penalties, in the convention of scikit-learn; inputs are standardised.
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
#: Where there are too few sets to choose.
DEFAULT_STRENGTH = 1e-2
_INNER_SPLITS = 5
_SMALLEST = 1e-15


@dataclass(frozen=True)
class Labels:
    """Labels of some sets.

    Attributes
    ----------
    values
        Codes of classes, or numbers, shape ``(n,)``.
    groups
        Sets of one group are never on both sides of a split, shape ``(n,)``.
    n_classes
        0 where the labels are numbers.
    """

    values: np.ndarray
    groups: np.ndarray
    n_classes: int

    def at(self, rows: np.ndarray) -> Labels:
        """Those of some sets."""
        return Labels(self.values[rows], self.groups[rows], self.n_classes)

    @property
    def strata(self) -> np.ndarray:
        """What splits are balanced by: the classes."""
        return self.values if self.n_classes else np.zeros(len(self.values), dtype=np.int64)


def fit_predict(
    x: np.ndarray, labels: Labels, new: np.ndarray, rng: np.random.Generator, *, class_weight: str | None
) -> np.ndarray:
    """Fit on ``x`` ``(n, d)`` and predict for ``new`` ``(m, d)``.

    Returns
    -------
    Probability of each class, shape ``(m, n_classes)``, or predicted numbers, ``(m, 1)``. Where d is 0: the
    frequencies, or the mean, of the labels.
    """
    if x.shape[1] == 0:
        return np.tile(_marginal(labels), (len(new), 1))
    x, new = _standardized(x, new)
    strength = _best_strength(x, labels, rng, class_weight)
    return _outputs(x, labels, new, strength, class_weight)


def _best_strength(x: np.ndarray, labels: Labels, rng: np.random.Generator, class_weight: str | None) -> float:
    n_splits = min(_INNER_SPLITS, n_groups_of_rarest(labels.strata, labels.groups))
    if n_splits < 2:
        return DEFAULT_STRENGTH
    parts = splits(labels.strata, labels.groups, n_splits, rng)
    losses = [
        sum(
            _loss(
                labels.at(part.test),
                _outputs(x[part.train], labels.at(part.train), x[part.test], strength, class_weight),
            )
            for part in parts
        )
        for strength in STRENGTHS
    ]
    return STRENGTHS[int(np.argmin(losses))]


def _outputs(x: np.ndarray, labels: Labels, new: np.ndarray, strength: float, class_weight: str | None) -> np.ndarray:
    if not labels.n_classes:
        return Ridge(alpha=1 / strength).fit(x, labels.values).predict(new)[:, None]
    there = np.unique(labels.values)
    outputs = np.zeros((len(new), labels.n_classes))
    if len(there) < 2:
        outputs[:, there] = 1
        return outputs
    model = LogisticRegression(C=strength, class_weight=class_weight, max_iter=5000)
    outputs[:, there] = model.fit(x, labels.values).predict_proba(new)
    return outputs


def _loss(labels: Labels, outputs: np.ndarray) -> float:
    """Log loss, or squared error, in all."""
    if not labels.n_classes:
        return float(((labels.values - outputs[:, 0]) ** 2).sum())
    right = outputs[np.arange(len(outputs)), labels.values]
    return float(-np.log(right.clip(_SMALLEST)).sum())


def _marginal(labels: Labels) -> np.ndarray:
    if not labels.n_classes:
        return np.array([labels.values.mean()])
    return np.bincount(labels.values, minlength=labels.n_classes) / len(labels.values)


def _standardized(x: np.ndarray, new: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns of mean 0 and variance 1 in ``x``; turned into its principal axes where these are fewer."""
    center, scale = x.mean(axis=0), x.std(axis=0)
    scale[scale < 1e-10 * (np.abs(center) + 1)] = np.inf
    x, new = (x - center) / scale, (new - center) / scale
    if x.shape[1] <= len(x):
        return x, new
    # A penalty on the length of the coefficients does not see rotations.
    axes = np.linalg.svd(x, full_matrices=False)[2]
    return x @ axes.T, new @ axes.T
