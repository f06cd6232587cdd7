"""What distances between sets tell of a covariate: one score each."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.stats import rankdata

from scgde.stats._permanova import inner_products, left_by

if TYPE_CHECKING:
    from collections.abc import Callable


#: Penalty of a linear readout, relative to the mean variance of a principal coordinate.
RIDGE = 0.01


class Score(NamedTuple):
    """A score in steps, of which a permutation repeats the last two only.

    Attributes
    ----------
    prepare
        From distances ``(S, S)`` to what of them matters.
    predict
        From that and the values ``(S,)``, as they are encoded, to one outcome per set, ``(S,)``.
    summarize
        From outcomes and values of some sets to a number.
    encode
        From values to what of them matters: one entry, or one row and column, per set.
    """

    prepare: Callable[[np.ndarray], np.ndarray]
    predict: Callable[[np.ndarray, np.ndarray], np.ndarray]
    summarize: Callable[[np.ndarray, np.ndarray], float]
    encode: Callable[[np.ndarray], np.ndarray] = np.asarray

    def __call__(self, distances: np.ndarray, values: np.ndarray) -> float:
        """The score."""
        return self.summarize(self.predict(self.prepare(distances), self.encode(values)), values)

    def null(self, distances: np.ndarray, values: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
        """The score of ``n`` permutations of the values."""
        prepared, encoded, scores = self.prepare(distances), self.encode(values), np.empty(n)
        for i in range(n):
            moved = rng.permutation(len(values))
            permuted = encoded[moved] if encoded.ndim == 1 else encoded[np.ix_(moved, moved)]
            scores[i] = self.summarize(self.predict(prepared, permuted), values[moved])
        return scores


def knn_classes(n_neighbors: int) -> Score:
    """Balanced accuracy of the majority of the nearest other sets; of a tie, of the nearer ones."""
    return Score(lambda distances: _neighbors(distances, n_neighbors), _majority, _balanced_accuracy)


def knn_numbers(n_neighbors: int) -> Score:
    """Rank correlation with the mean of the nearest other sets."""
    return Score(lambda d: _neighbors(d, n_neighbors), lambda near, values: values[near].mean(axis=1), _spearman)


def linear_classes() -> Score:
    """Balanced accuracy of ridge regression on the class, each set predicted from the others."""
    return Score(_smoother, _nearest_class, _balanced_accuracy)


def linear_numbers() -> Score:
    """Rank correlation with ridge regression, each set predicted from the others."""
    return Score(_smoother, lambda hat, values: _left_out(hat, values[:, None])[:, 0], _spearman)


def order_of_distances() -> Score:
    """Rank correlation of the distances from a set with the differences of the values, mean over sets."""
    return Score(
        _ranks, lambda x, y: (x * y).sum(axis=1), lambda outcomes, _: float(outcomes.mean()), _difference_ranks
    )


def order_along_a_line() -> Score:
    """Rank correlation of the first principal coordinate, in either direction."""
    return Score(_first_coordinate, lambda line, _: line, lambda line, values: abs(_spearman(line, values)))


def replicates() -> Score:
    """Probability that a replicate of a set is nearer than another set, mean over sets that have replicates."""
    return Score(lambda distances: distances, _share_beaten, lambda outcomes, _: _known_mean(outcomes))


def _neighbors(distances: np.ndarray, n_neighbors: int) -> np.ndarray:
    """Nearest other sets, nearest first, shape ``(S, k)``."""
    others = distances + np.diag(np.full(len(distances), np.inf))
    return np.argsort(others, axis=1, kind="stable")[:, : min(n_neighbors, len(distances) - 1)]


def _majority(near: np.ndarray, codes: np.ndarray) -> np.ndarray:
    # A little more weight for the nearer decides ties, and nothing else.
    weights = 1 + np.linspace(0.1, 0, near.shape[1]) / near.shape[1]
    return np.einsum("skc,k->sc", np.eye(codes.max() + 1)[codes[near]], weights).argmax(axis=1)


def _smoother(distances: np.ndarray) -> np.ndarray:
    """From values to their fit by ridge regression on the principal coordinates, shape ``(S, S)``."""
    inner = left_by(np.empty((len(distances), 0)), inner_products(distances, power=2))
    variance, axes = np.linalg.eigh(inner)
    # What is no distance between points has negative ones.
    variance = variance.clip(0)
    shrunk = variance / (variance + RIDGE * max(variance.mean(), 1e-30))
    return (axes * shrunk) @ axes.T + 1 / len(distances)


def _left_out(hat: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Prediction of each target ``(S, C)`` by a fit to the others: ridge regression has it in closed form."""
    own = np.diag(hat)[:, None]
    return (hat @ targets - own * targets) / (1 - own).clip(1e-9)


def _nearest_class(hat: np.ndarray, codes: np.ndarray) -> np.ndarray:
    # Divided by their number, rare classes are predicted as readily as common ones.
    targets = np.eye(codes.max() + 1)[codes]
    return _left_out(hat, targets / targets.sum(axis=0).clip(1)).argmax(axis=1)


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


def _first_coordinate(distances: np.ndarray) -> np.ndarray:
    centered = left_by(np.empty((len(distances), 0)), inner_products(distances, power=2))
    return np.linalg.eigh(centered)[1][:, -1]


def _known_mean(outcomes: np.ndarray) -> float:
    known = outcomes[np.isfinite(outcomes)]
    return float(known.mean()) if len(known) else np.nan


def _share_beaten(distances: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Of each set: share of the other sets that its replicates are nearer than, ties by half; NaN without any."""
    shares = np.full(len(codes), np.nan)
    for i, row in enumerate(distances):
        same = codes == codes[i]
        others = row[~same]
        same[i] = False
        if same.any() and len(others):
            beaten = (row[same][:, None] < others).mean() + 0.5 * (row[same][:, None] == others).mean()
            shares[i] = beaten
    return shares
