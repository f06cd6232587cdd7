"""Pairs of sets as a user names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scgde._checks import check_fraction
from scgde.data import Pairs

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from scgde.model._data import SetData


def named_pairs(data: SetData, pairs: ArrayLike | None, weights: ArrayLike | None, fraction: float) -> Pairs:
    """Pairs from names of sets, shape ``(n, 2)``; none where ``pairs`` is None.

    Raises
    ------
    KeyError
        If there is no set of a name.
    ValueError
        If a pair is not of two sets, or a weight is not a positive number.
    """
    names = np.empty((0, 2), dtype=object) if pairs is None else np.asarray(pairs, dtype=object)
    if names.ndim != 2 or names.shape[1] != 2:
        msg = f"`pairs` must name a source and a target each, shape (n, 2), got shape {names.shape}."
        raise ValueError(msg)
    codes = data.places(names.ravel().tolist(), "pairs").reshape(-1, 2)
    alone = codes[:, 0] == codes[:, 1]
    if alone.any():
        msg = f"`pairs` must be of two sets each, got {names[alone][0, 0]!r} with itself."
        raise ValueError(msg)
    return Pairs(codes, _pair_weights(weights, len(codes)), check_fraction(fraction, "pair_fraction"))


def check_can_be_drawn(pairs: Pairs, sets: np.ndarray, name: str) -> None:
    """Require that the ``name`` sets hold what a batch needs; there may be no validation sets at all."""
    is_optional = name == "validation" and len(sets) == 0
    if not is_optional and not pairs.can_be_drawn(sets):
        need = "one of `pairs`, as `pair_fraction` is 1" if pairs.fraction == 1 else "two sets"
        msg = f"The {name} sets must hold {need}, got {len(sets)} sets and {len(pairs.codes)} pairs."
        raise ValueError(msg)


def _pair_weights(weights: ArrayLike | None, n: int) -> np.ndarray:
    values = np.ones(n) if weights is None else np.asarray(weights, dtype=float)
    if values.shape != (n,) or not (np.isfinite(values) & (values > 0)).all():
        msg = f"`pair_weights` must be a positive number for each of {n} pairs, got {weights!r}."
        raise ValueError(msg)
    return values
