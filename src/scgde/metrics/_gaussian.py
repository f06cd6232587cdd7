from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scgde.metrics._all_pairs import AllPairs
from scgde.metrics._pairwise import MAX_ENTRIES
from scgde.metrics._registry import METRICS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

#: Squared Bures distance, relative to the two traces, below which the trace formula loses digits.
_CLOSE = 1e-4


def gaussian_wasserstein(
    mean_x: ArrayLike, cov_x: ArrayLike, mean_y: ArrayLike, cov_y: ArrayLike
) -> np.float64 | np.ndarray:
    """Wasserstein-2 distance between Gaussians.

    Root of ``|mean_x - mean_y|^2`` plus the squared Bures distance, in the units of the features.
    Safe for singular covariances. Leading dimensions broadcast.

    Parameters
    ----------
    mean_x, mean_y
        Means, shape ``(..., G)``.
    cov_x, cov_y
        Covariances, shape ``(..., G, G)``, symmetric and positive semi-definite.

    Returns
    -------
    Distances, of the leading shape; a scalar where there is none.

    Raises
    ------
    ValueError
        If shapes do not fit, a value is not finite, or a covariance is not one.

    References
    ----------
    Bhatia, Jain and Lim (2019), On the Bures-Wasserstein distance between positive definite matrices.

    Examples
    --------
    >>> import scgde
    >>> float(scgde.metrics.gaussian_wasserstein([0.0], [[1.0]], [3.0], [[1.0]]))
    3.0
    """
    shift = _as_mean(mean_x, "mean_x") - _as_mean(mean_y, "mean_y")
    root_x = _root(cov_x, shift.shape[-1], "cov_x")
    root_y = _root(cov_y, shift.shape[-1], "cov_y")
    return np.sqrt((shift**2).sum(-1) + _squared_bures(root_x, root_y))


def _all_pairs() -> _GaussianPairs:
    return _GaussianPairs()


@METRICS.register(
    "gaussian_wasserstein",
    label="Wasserstein-2 of Gaussian fits",
    is_squared=False,
    all_pairs=_all_pairs,
)
def gaussian_fit_wasserstein(x: np.ndarray, y: np.ndarray) -> float:
    """Wasserstein-2 distance between the Gaussians with the moments of two clouds.

    Parameters
    ----------
    x, y
        Cells, shapes ``(n, G)`` and ``(m, G)``; the covariance of a single cell is 0.
    """
    return float(gaussian_wasserstein(*_moments(x), *_moments(y)))


class _Gaussian(NamedTuple):
    """Mean ``(G,)``, root of the covariance ``(G, G)`` and its trace."""

    mean: np.ndarray
    root: np.ndarray
    trace: float


class _GaussianPairs(AllPairs[_Gaussian]):
    """Wasserstein-2 of the Gaussian fits of all pairs of sets."""

    def of_set(self, x: np.ndarray) -> _Gaussian:
        mean, cov = _moments(x)
        return _Gaussian(_as_mean(mean, "x"), _root(cov, len(mean), "x"), float(np.trace(cov)))

    def block(self, a: Sequence[_Gaussian], b: Sequence[_Gaussian]) -> np.ndarray:
        step = max(1, MAX_ENTRIES // (len(b) * len(b[0].mean) ** 2))
        return np.concatenate([_distances(a[start : start + step], b) for start in range(0, len(a), step)])


def _distances(a: Sequence[_Gaussian], b: Sequence[_Gaussian]) -> np.ndarray:
    """Distance of each of ``a`` to each of ``b``, shape ``(len(a), len(b))``."""
    # The trace formula needs singular values alone. It cancels where two covariances are close: these go by Procrustes.
    x, y = (np.stack([one.root for one in sets]) for sets in (a, b))
    overlap = np.linalg.svd(np.einsum("agi,bgj->abij", _thin(x), _thin(y), optimize=True), compute_uv=False).sum(-1)
    trace = np.add.outer([one.trace for one in a], [one.trace for one in b])
    bures = trace - 2 * overlap
    close = np.nonzero(bures < _CLOSE * trace)
    bures[close] = _squared_bures(x[close[0]], y[close[1]])
    shift = np.stack([one.mean for one in a])[:, None] - np.stack([one.mean for one in b])
    return np.sqrt((shift**2).sum(-1) + bures)


def _thin(roots: np.ndarray) -> np.ndarray:
    """Roots ``(S, G, G)`` without the columns that are zero in all of them: few cells span few directions."""
    return roots[:, :, (roots != 0).any((0, 1))]


def _squared_bures(root_x: np.ndarray, root_y: np.ndarray) -> np.ndarray:
    """Squared Bures distance of covariances with roots ``(..., G, G)``, shape ``(...)``."""
    # Bures as a Procrustes problem, min |root_x - root_y U| over rotations U. As a sum of squares it does not
    # suffer the cancellation of tr X + tr Y - 2 tr (X^1/2 Y X^1/2)^1/2 where the covariances are close.
    left, _, right = np.linalg.svd(np.swapaxes(root_x, -1, -2) @ root_y)
    return ((root_x @ left - root_y @ np.swapaxes(right, -1, -2)) ** 2).sum((-2, -1))


def _as_mean(mean: ArrayLike, name: str) -> np.ndarray:
    array = np.asarray(mean, dtype=np.float64)
    if array.ndim < 1 or array.shape[-1] == 0 or not np.isfinite(array).all():
        msg = f"`{name}` must be finite, of shape (..., features), got shape {array.shape}."
        raise ValueError(msg)
    return array


def _root(cov: ArrayLike, n_features: int, name: str) -> np.ndarray:
    """Matrix ``R`` with ``cov = R R'``."""
    array = np.asarray(cov, dtype=np.float64)
    if array.shape[-2:] != (n_features, n_features) or not np.isfinite(array).all():
        msg = f"`{name}` must be finite, of shape (..., {n_features}, {n_features}), got shape {array.shape}."
        raise ValueError(msg)
    values, vectors = np.linalg.eigh(array)
    scale = np.abs(values).max(-1, keepdims=True)
    asymmetry = np.abs(array - np.swapaxes(array, -1, -2)).max((-2, -1))
    if (values < -1e-6 * scale).any() or (asymmetry > 1e-6 * scale[..., 0]).any():
        msg = f"`{name}` must be symmetric and positive semi-definite, got eigenvalues from {values.min():.3g}."
        raise ValueError(msg)
    # Rounding leaves about 1e-16 where an eigenvalue is zero, and the root makes 1e-8 of it.
    values = np.where(values > n_features * np.finfo(float).eps * scale, values, 0)
    return vectors * np.sqrt(values)[..., None, :]


def _moments(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x, n_features = x.astype(float), x.shape[1]
    if len(x) == 1:
        return x[0], np.zeros((n_features, n_features))
    return x.mean(axis=0), np.cov(x, rowvar=False).reshape(n_features, n_features)
