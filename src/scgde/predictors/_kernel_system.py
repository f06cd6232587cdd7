"""Kernel ridge regression on sources: of whole distributions, and of a mean with its residuals."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
from scipy.linalg import eigh

from scgde.predictors._choose import MAX_PAIRS
from scgde.predictors._mixture import squared_distances

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from scgde.predictors._inputs import Inputs

_MEAN_PENALTIES = np.logspace(-3, 2, 16)
_LINEAR_WEIGHTS = (0.0, 1.0, 10.0, 100.0, 1000.0)
#: Values that products of rows of one group may take, 64 MB in single precision.
_MAX_PRODUCTS = 2**24
#: Of a forecast displacement.
_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


class KernelSystem(NamedTuple):
    """The kernel matrix of the training sources, in the axes in which every penalty is a division.

    The kernel is that of the energy distance, ``|a| + |b| - |a - b|``, plus ``linear_weight`` times the inner product
    ``2 a b``, in units of the mean distance. With D the matrix of distances, the centred kernel is
    ``K = -J D J / unit``, ``J = I - 1 1' / n``; with its eigenvectors V and eigenvalues d, ridge regression with a
    constant that is not penalised forecasts ``k' V (d + penalty)^-1 V' (y - mean y) + mean y``.
    """

    pairs: Inputs
    covariate_weight: float
    noise_weight: float
    linear_weight: float
    row_mean: np.ndarray  # of the distances, (n,)
    unit: float  # their mean
    values: np.ndarray  # (n,)
    vectors: np.ndarray  # (n, n)

    @classmethod
    def of(
        cls,
        pairs: Inputs,
        covariate_weight: float,
        noise_weight: float,
        linear_weight: float = 0.0,
        *,
        dtype: type[np.floating] = np.float64,
    ) -> Self:
        """System of training ``pairs``; for the first two weights see :func:`squared_distances`.

        Single precision, at half the time, is enough to compare options.
        """
        distances = _distances(pairs, pairs, covariate_weight, noise_weight, linear_weight)
        np.fill_diagonal(distances, 0.0)
        mean, unit = distances.mean(axis=1), max(distances.mean(), 1e-12)
        kernel = ((mean[:, None] + mean - distances - unit) / unit).astype(dtype)
        values, vectors = eigh(kernel, overwrite_a=True, driver="evd")
        weights = (covariate_weight, noise_weight, linear_weight)
        return cls(pairs, *weights, mean, unit, np.maximum(values, 0), vectors)

    def weights(self, inputs: Inputs, penalties: Iterable[float]) -> list[np.ndarray]:
        """Weights of the training targets for new ``inputs``, not negative, shape ``(m, n)`` for each penalty."""
        return [onto_simplex(part) for part in self.signed_weights(inputs, penalties)]

    def signed_weights(self, inputs: Inputs, penalties: Iterable[float]) -> list[np.ndarray]:
        """The weights by which the regression forecasts means; rows sum to 1."""
        distances = _distances(inputs, self.pairs, self.covariate_weight, self.noise_weight, self.linear_weight)
        kernel = (distances.mean(axis=1, keepdims=True) + self.row_mean - distances - self.unit) / self.unit
        kernel = kernel.astype(self.vectors.dtype)
        # k' V, then k' V (d + penalty)^-1 V' for each penalty; centring gives the mean of the targets its weight 1.
        rotated = kernel @ self.vectors
        slopes = [(rotated / (self.values + float(penalty))) @ self.vectors.T for penalty in penalties]
        return [part - part.mean(axis=1, keepdims=True) + 1 / part.shape[1] for part in slopes]

    def left_out(self, values: np.ndarray, groups: np.ndarray, penalties: Iterable[float]) -> np.ndarray:
        """Errors of the regression of ``values`` when their group is left out, for each penalty, ``(P, n, E)``.

        In closed form: with the hat matrix ``H = V d (d + penalty)^-1 V' + 1 1' / n`` and residuals ``e`` of the fit to
        all, those of a group G left out are ``(I - H_GG)^-1 e_G``.
        """
        n, centred = len(values), (values - values.mean(axis=0)).astype(self.vectors.dtype)
        rotated = self.vectors.T @ centred
        shrink = np.stack([self.values / (self.values + float(penalty)) for penalty in penalties])
        errors = centred - self.vectors @ (shrink[:, :, None] * rotated)
        for rows in _rows_of_groups(groups):
            if rows.shape[1] < n:
                own = np.eye(rows.shape[1], dtype=shrink.dtype) - self._hat(rows, shrink) - 1 / n
                errors[:, rows] = np.linalg.solve(own, errors[:, rows])
        return errors

    def _hat(self, rows: np.ndarray, shrink: np.ndarray) -> np.ndarray:
        """Blocks ``V d (d + penalty)^-1 V'`` of groups ``(g, s)`` for each penalty, shape ``(P, g, s, s)``."""
        part = self.vectors[rows]
        if part.size * rows.shape[1] > _MAX_PRODUCTS:
            return np.stack([(part * one) @ part.swapaxes(1, 2) for one in shrink])
        # The products of pairs of rows are the same for all penalties.
        return np.moveaxis((part[:, :, None] * part[:, None]) @ shrink.T, -1, 0)


class Regression(NamedTuple):
    """A forecast of the mean, with the penalty whose errors at groups that are left out are least."""

    system: KernelSystem
    values: np.ndarray  # that are regressed, (n, E)
    penalty: float
    residuals: np.ndarray  # when their group is left out, (n, E)

    @classmethod
    def of(cls, system: KernelSystem, values: np.ndarray, groups: np.ndarray) -> Self:
        """Regression of ``values`` on the sources of ``system``."""
        return cls.of_each(system, [values], groups)[0]

    @classmethod
    def of_each(cls, system: KernelSystem, values: Sequence[np.ndarray], groups: np.ndarray) -> list[Self]:
        """Regressions of several values ``(n, E_k)``, each with a penalty of its own, at the cost of one."""
        ends = np.cumsum([part.shape[1] for part in values])[:-1]
        joined = system.left_out(np.concatenate(values, axis=1), groups, _MEAN_PENALTIES)
        residuals = list(zip(*(np.split(error, ends, axis=1) for error in joined), strict=True))
        best = [int(np.argmin([np.square(error).sum() for error in errors])) for errors in residuals]
        return [
            cls(system, part, float(_MEAN_PENALTIES[i]), errors[i])
            for part, i, errors in zip(values, best, residuals, strict=True)
        ]

    def mean(self, inputs: Inputs) -> np.ndarray:
        """Forecast, shape ``(m, E)``."""
        return self.system.signed_weights(inputs, [self.penalty])[0] @ self.values


def best_linear_weight(pairs: Inputs, values: np.ndarray, groups: np.ndarray, rng: np.random.Generator) -> float:
    """The linear weight with which a regression of ``values`` forecasts groups best that are left out.

    0 unless another is better by two standard errors over groups: straight lines lead far away from what was seen.
    """
    used = rng.permutation(len(values))[:MAX_PAIRS]
    pairs, values, group = pairs.take(used), values[used], np.unique(groups[used], return_inverse=True)[1]

    def errors(weight: float) -> np.ndarray:
        system = KernelSystem.of(pairs, 1.0, 0.0, weight, dtype=np.float32)
        return np.bincount(group, np.square(Regression.of(system, values, group).residuals).sum(axis=1))

    of_weights = np.stack([errors(weight) for weight in _LINEAR_WEIGHTS])
    best = int(of_weights.sum(axis=1).argmin())
    return _LINEAR_WEIGHTS[best] if _is_better(of_weights[0] - of_weights[best]) else 0.0


def shrinkage(displacement: np.ndarray, forecast: np.ndarray, groups: np.ndarray) -> float:
    """Share of the displacements ``(n, E)`` that were forecast for groups left out, at which errors are least.

    1 unless another is better by two standard errors over groups.
    """
    errors = np.stack(
        [np.bincount(groups, np.square(displacement - share * forecast).sum(axis=1)) for share in _SHARES]
    )
    best = int(errors.sum(axis=1).argmin())
    return _SHARES[best] if _is_better(errors[-1] - errors[best]) else 1.0


def _is_better(gain: np.ndarray) -> bool:
    """Whether a gain, one for each group, is above zero by two standard errors."""
    return bool(gain.sum() > 2 * gain.std() * len(gain) ** 0.5)


def _distances(a: Inputs, b: Inputs, covariate_weight: float, noise_weight: float, linear_weight: float) -> np.ndarray:
    """Distances, and their squares with a weight: centred, as a kernel, the squares are twice the inner product."""
    square = squared_distances(a, b, covariate_weight=covariate_weight, noise_weight=noise_weight)
    return np.sqrt(square) + linear_weight * square


def _rows_of_groups(groups: np.ndarray) -> Iterator[np.ndarray]:
    """Rows of all groups of one size, shape ``(n_groups, size)``, for each size."""
    group, counts = np.unique(groups, return_inverse=True, return_counts=True)[1:]
    order = np.argsort(group, kind="stable")
    for size in np.unique(counts):
        yield order[counts[group[order]] == size].reshape(-1, size)


def onto_simplex(values: np.ndarray) -> np.ndarray:
    """Nearest row of weights, not negative and of sum 1, to each row of ``values``.

    References
    ----------
    :cite:t:`Duchi08`, figure 1.
    """
    ordered = -np.sort(-values, axis=1)
    excess = (ordered.cumsum(axis=1) - 1) / np.arange(1, values.shape[1] + 1, dtype=values.dtype)
    n_positive = (ordered > excess).sum(axis=1)
    return np.maximum(values - np.take_along_axis(excess, n_positive[:, None] - 1, axis=1), 0)
