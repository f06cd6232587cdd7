"""The best mixture of a few distributions, by a distance that is quadratic in the shares."""

from __future__ import annotations

from itertools import chain, combinations

import numpy as np

#: Negative shares up to this are rounding.
_ROUNDING = 1e-9


def best_shares(linear: np.ndarray, quadratic: np.ndarray) -> np.ndarray:
    """Shares ``w >= 0``, of sum 1, with the lowest ``2 b . w - w' C w``.

    That is the energy distance of a mixture from a target, but for a constant, where ``b`` are the mean distances of
    cells of each part to cells of the target and ``C`` those between cells of two parts. The stationary point of every
    face of the simplex is compared, so that the result is never above that of a part alone, also where noise makes the
    quadratic form not convex.

    Parameters
    ----------
    linear
        The vector b, shape ``(A,)``: some ten parts at most.
    quadratic
        The symmetric matrix C, shape ``(A, A)``.

    Returns
    -------
    Shape ``(A,)``.

    Examples
    --------
    >>> import numpy as np
    >>> import scgde
    >>> scgde.stats.best_shares(np.array([1.0, 1.0]), np.array([[0.0, 1.0], [1.0, 0.0]])).tolist()
    [0.5, 0.5]
    """
    n = len(linear)
    faces = chain.from_iterable(combinations(range(n), size) for size in range(1, n + 1))
    points = (_stationary(linear, quadratic, list(face)) for face in faces)
    return min((point for point in points if point is not None), key=lambda w: loss_of_shares(w, linear, quadratic))


def loss_of_shares(shares: np.ndarray, linear: np.ndarray, quadratic: np.ndarray) -> float:
    """``2 b . w - w' C w``, see :func:`best_shares`.

    Examples
    --------
    >>> import numpy as np
    >>> import scgde
    >>> scgde.stats.loss_of_shares(np.array([0.5, 0.5]), np.array([1.0, 1.0]), np.array([[0.0, 1.0], [1.0, 0.0]]))
    1.5
    """
    return float(2 * linear @ shares - shares @ quadratic @ shares)


def _stationary(linear: np.ndarray, quadratic: np.ndarray, face: list[int]) -> np.ndarray | None:
    """Stationary point with shares on one face only; None where it is outside of the simplex or not unique."""
    size = len(face)
    system = np.ones((size + 1, size + 1))
    system[:size, :size], system[size, size] = quadratic[np.ix_(face, face)], 0.0
    try:
        inside = np.linalg.solve(system, np.append(linear[face], 1.0))[:size]
    except np.linalg.LinAlgError:
        return None
    if not np.isfinite(inside).all() or inside.min() < -_ROUNDING:
        return None
    shares = np.zeros(len(linear))
    shares[face] = inside.clip(0)
    return shares / shares.sum()
