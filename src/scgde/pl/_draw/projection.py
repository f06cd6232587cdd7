from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


class Plane(NamedTuple):
    """Two directions to draw.

    Attributes
    ----------
    origin
        Shape ``(G,)``.
    directions
        Shape ``(2, G)``.
    labels
        Of the two axes.
    """

    origin: np.ndarray
    directions: np.ndarray
    labels: tuple[str, str]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Coordinates in the plane, ``(n, G)`` to ``(n, 2)``."""
        return (x - self.origin) @ self.directions.T


def coordinate_plane(names: list[str], components: tuple[int, int]) -> Plane:
    """Plane of two columns."""
    _check_components(components, len(names))
    first, second = components
    return Plane(np.zeros(len(names)), np.eye(len(names))[[first, second]], (names[first], names[second]))


def principal_plane(x: np.ndarray, components: tuple[int, int]) -> Plane:
    """Plane of two principal components of ``(n, G)``, labelled with their shares of the variance."""
    origin = x.mean(axis=0)
    _, scale, directions = np.linalg.svd(x - origin, full_matrices=False)
    _check_components(components, len(directions))
    total = (scale**2).sum()
    share = 100 * scale**2 / total if total > 0 else np.zeros_like(scale)
    first, second = (f"PC{i + 1} ({share[i]:.0f}%)" for i in components)
    return Plane(origin, _with_sign(directions[list(components)]), (first, second))


def feature_plane(
    x: np.ndarray, names: list[str], basis: str | Sequence[str] | None, components: tuple[int, int]
) -> Plane:
    """Plane of principal components of ``(n, G)``, where there are more than two features, or of two features.

    Parameters
    ----------
    basis
        ``"pca"``; two of ``names``; or None for the features that ``components`` count.
    """
    if basis == "pca" and len(names) > 2:
        return principal_plane(x, components)
    if basis is None or basis == "pca":
        return coordinate_plane(names, components)
    first, second = basis
    return coordinate_plane(names, (names.index(first), names.index(second)))


def are_two_features(basis: str | Sequence[str], names: list[str]) -> bool:
    """Whether ``basis`` is a pair of ``names``."""
    return not isinstance(basis, str) and len(basis) == 2 and set(basis) <= set(names)


def _with_sign(directions: np.ndarray) -> np.ndarray:
    """Largest entry positive: the sign is arbitrary, and a map should look the same on every machine."""
    largest = np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1)
    return np.where(largest < 0, -directions, directions)


def _check_components(components: tuple[int, int], n: int) -> None:
    if len(components) != 2 or not all(0 <= i < n for i in components):
        msg = f"`components` must be two indices from 0 to {n - 1}, got {components}."
        raise ValueError(msg)
