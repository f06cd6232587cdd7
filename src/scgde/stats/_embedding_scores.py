"""How well distances between sets agree with a covariate: bio conservation, batch removal, order, replicates."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.stats import rankdata

from scgde.stats._permanova import inner_products, residualize

if TYPE_CHECKING:
    from collections.abc import Callable


#: Penalty of ridge regression, relative to the mean variance of a principal coordinate.
RIDGE = 0.01


class Score(NamedTuple):
    """A score in steps; a permutation repeats the last two only.

    Attributes
    ----------
    prepare
        From distances ``(S, S)`` to what `predict` needs of them.
    predict
        From that and the encoded values ``(S,)`` to one outcome per set, ``(S,)``.
    summarize
        From outcomes and values ``(S,)`` to a number.
    encode
        From values to what `predict` needs of them: one entry, or one row and column, per set.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> distances = np.abs(np.subtract.outer(np.arange(6.0), np.arange(6.0)))
    >>> score, values = stats.order_of_distances(), np.arange(6.0)
    >>> null = score.null(distances, values, 9, np.random.default_rng(0))
    >>> bool(score(distances, values) > null.max())
    True
    """

    prepare: Callable[[np.ndarray], np.ndarray]
    predict: Callable[[np.ndarray, np.ndarray], np.ndarray]
    summarize: Callable[[np.ndarray, np.ndarray], float]
    encode: Callable[[np.ndarray], np.ndarray] = np.asarray

    def __call__(self, distances: np.ndarray, values: np.ndarray) -> float:
        """The score of the values, as they are."""
        return self.summarize(self.predict(self.prepare(distances), self.encode(values)), values)

    def null(self, distances: np.ndarray, values: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
        """The score of ``n`` permutations of the values."""
        prepared, encoded, scores = self.prepare(distances), self.encode(values), np.empty(n)
        for i in range(n):
            order = rng.permutation(len(values))
            permuted = encoded[order] if encoded.ndim == 1 else encoded[np.ix_(order, order)]
            scores[i] = self.summarize(self.predict(prepared, permuted), values[order])
        return scores


def knn_classes(n_neighbors: int) -> Score:
    """Balanced accuracy of the majority vote of the nearest other sets; ties go to the nearer ones.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> x = np.array([0.0, 1.0, 2.0, 10.0, 11.0, 12.0])
    >>> distances = np.abs(x[:, None] - x)
    >>> round(float(stats.knn_classes(1)(distances, np.array([0, 0, 0, 1, 1, 1]))), 6)
    1.0
    """
    return Score(lambda distances: _neighbors(distances, n_neighbors), _majority, _balanced_accuracy)


def knn_numbers(n_neighbors: int) -> Score:
    """Rank correlation of the values with the mean over the nearest other sets.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> x = np.array([0.0, 1.0, 2.0, 10.0, 11.0, 12.0])
    >>> distances = np.abs(x[:, None] - x)
    >>> round(float(stats.knn_numbers(1)(distances, np.array([0, 0, 0, 1, 1, 1]))), 6)
    1.0
    """
    return Score(lambda d: _neighbors(d, n_neighbors), lambda near, values: values[near].mean(axis=1), _spearman)


def linear_classes() -> Score:
    """Balanced accuracy of ridge regression of the class, each set predicted from the others.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> x = np.array([0.0, 1.0, 2.0, 10.0, 11.0, 12.0])
    >>> distances = np.abs(x[:, None] - x)
    >>> round(float(stats.linear_classes()(distances, np.array([0, 0, 0, 1, 1, 1]))), 6)
    1.0
    """
    return Score(_smoother, _nearest_class, _balanced_accuracy)


def linear_numbers() -> Score:
    """Rank correlation of the values with ridge regression, each set predicted from the others.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> x = np.array([0.0, 1.0, 2.0, 10.0, 11.0, 12.0])
    >>> distances = np.abs(x[:, None] - x)
    >>> round(float(stats.linear_numbers()(distances, x)), 6)
    1.0
    """
    return Score(_smoother, lambda hat, values: _leave_one_out(hat, values[:, None])[:, 0], _spearman)


def order_of_distances() -> Score:
    """Rank correlation of the distances from a set with the differences of the values, mean over sets.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> x = np.array([0.0, 1.0, 2.0, 10.0, 11.0, 12.0])
    >>> distances = np.abs(x[:, None] - x)
    >>> round(float(stats.order_of_distances()(distances, x)), 6)
    1.0
    """
    return Score(
        _ranks, lambda x, y: (x * y).sum(axis=1), lambda outcomes, _: float(outcomes.mean()), _difference_ranks
    )


def order_along_a_line() -> Score:
    """Rank correlation of the first principal coordinate, in either direction.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> x = np.array([0.0, 1.0, 2.0, 10.0, 11.0, 12.0])
    >>> distances = np.abs(x[:, None] - x)
    >>> round(float(stats.order_along_a_line()(distances, np.arange(6.0))), 6)
    1.0
    """
    return Score(_first_coordinate, lambda line, _: line, lambda line, values: abs(_spearman(line, values)))


def replicates() -> Score:
    """Probability that a replicate of a set is nearer than another set, mean over sets that have replicates.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> x = np.array([0.0, 1.0, 2.0, 10.0, 11.0, 12.0])
    >>> distances = np.abs(x[:, None] - x)
    >>> round(float(stats.replicates()(distances, np.array([0, 0, 0, 1, 1, 1]))), 6)
    1.0
    """
    return Score(lambda distances: distances, _share_farther, lambda outcomes, _: _nan_mean(outcomes))


def _neighbors(distances: np.ndarray, n_neighbors: int) -> np.ndarray:
    """Nearest other sets, nearest first, shape ``(S, k)``."""
    others = distances + np.diag(np.full(len(distances), np.inf))
    return np.argsort(others, axis=1, kind="stable")[:, : min(n_neighbors, len(distances) - 1)]


def _majority(near: np.ndarray, codes: np.ndarray) -> np.ndarray:
    # Weights decrease too little with rank to decide anything but ties.
    weights = 1 + np.linspace(0.1, 0, near.shape[1]) / near.shape[1]
    return np.einsum("skc,k->sc", np.eye(codes.max() + 1)[codes[near]], weights).argmax(axis=1)


def _smoother(distances: np.ndarray) -> np.ndarray:
    """Hat matrix ``H`` of ridge regression on the principal coordinates: fit ``H y``, shape ``(S, S)``."""
    variance, axes = np.linalg.eigh(_gower(distances))
    # Distances that are not Euclidean give negative eigenvalues.
    variance = variance.clip(0)
    # H = 1 1' / S + A diag(v / (v + penalty)) A', with A the principal axes and v their variances.
    shrunk = variance / (variance + RIDGE * max(variance.mean(), 1e-30))
    return (axes * shrunk) @ axes.T + 1 / len(distances)


def _leave_one_out(hat: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Prediction of each target ``(S, C)`` by the fit to the others: ``(H y - h_ii y_i) / (1 - h_ii)``."""
    own = np.diag(hat)[:, None]
    return (hat @ targets - own * targets) / (1 - own).clip(1e-9)


def _nearest_class(hat: np.ndarray, codes: np.ndarray) -> np.ndarray:
    # Divided by its number of sets, a rare class is predicted as readily as a common one.
    targets = np.eye(codes.max() + 1)[codes]
    return _leave_one_out(hat, targets / targets.sum(axis=0).clip(1)).argmax(axis=1)


def _balanced_accuracy(predicted: np.ndarray, codes: np.ndarray) -> float:
    n_sets = np.bincount(codes)
    n_right = np.bincount(codes, predicted == codes)
    return float((n_right[n_sets > 0] / n_sets[n_sets > 0]).mean())


def _spearman(x: np.ndarray, y: np.ndarray) -> float:
    return float(_unit_rows(rankdata(x)) @ _unit_rows(rankdata(y)))


def _unit_rows(x: np.ndarray) -> np.ndarray:
    """Centred, of length one, so that products are correlations; 0 where a row does not vary."""
    centered = x - x.mean(axis=-1, keepdims=True)
    length = np.linalg.norm(centered, axis=-1, keepdims=True)
    return np.divide(centered, length, out=np.zeros_like(centered), where=length > 0)


def _ranks(square: np.ndarray) -> np.ndarray:
    """Standardised ranks of the others within each row, shape ``(S, S)`` with 0 for the set itself."""
    others, ranks = ~np.eye(len(square), dtype=bool), np.zeros(square.shape)
    ranks[others] = _unit_rows(rankdata(square[others].reshape(len(square), -1), axis=1)).ravel()
    return ranks


def _difference_ranks(values: np.ndarray) -> np.ndarray:
    return _ranks(np.abs(values[:, None] - values))


def _gower(distances: np.ndarray) -> np.ndarray:
    """Centred inner products of the points with these distances, shape ``(S, S)``."""
    return residualize(inner_products(distances, power=2), np.empty((len(distances), 0)))


def _first_coordinate(distances: np.ndarray) -> np.ndarray:
    return np.linalg.eigh(_gower(distances))[1][:, -1]


def _nan_mean(outcomes: np.ndarray) -> float:
    known = outcomes[np.isfinite(outcomes)]
    return float(known.mean()) if len(known) else np.nan


def _share_farther(distances: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Share of the other sets that are farther than a replicate, ties count half; NaN for a set without replicates."""
    shares = np.full(len(codes), np.nan)
    for i, row in enumerate(distances):
        same = codes == codes[i]
        others = row[~same]
        same[i] = False
        if same.any() and len(others):
            own = row[same][:, None]
            shares[i] = (own < others).mean() + 0.5 * (own == others).mean()
    return shares
