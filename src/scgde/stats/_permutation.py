"""Permutations of sets within strata, and the p-values that they give."""

from __future__ import annotations

from itertools import combinations, product
from math import factorial, prod
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Values that differ by less than this share are ties: the order of a sum must not decide.
TOLERANCE = 1e-8


def shuffles(strata: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """``n`` random permutations that move sets within strata ``(S,)`` only, shape ``(n, S)``."""
    order = np.argsort(strata, kind="stable")
    moved = np.empty((n, len(strata)), dtype=np.int64)
    moved[:, order] = np.argsort(strata + rng.random((n, len(strata))), axis=1)
    return moved


def n_arrangements(codes: np.ndarray, strata: np.ndarray) -> int:
    """In how many distinct ways labels ``(S,)`` can lie on the sets, if they move within strata only."""
    return prod(_n_distinct(codes[strata == stratum]) for stratum in np.unique(strata))


def arrangements(codes: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """Permutations that give each of these ways once, shape ``(n_arrangements, S)``."""
    places = [np.flatnonzero(strata == stratum) for stratum in np.unique(strata)]
    ways = [[place[list(way)] for way in _distinct(codes[place])] for place in places]
    moved = np.empty((prod(map(len, ways)), len(codes)), dtype=np.int64)
    for row, parts in zip(moved, product(*ways), strict=True):
        for place, part in zip(places, parts, strict=True):
            row[place] = part
    return moved


def p_value(observed: float, null: np.ndarray, *, exact: bool) -> float:
    """Share of statistics that are as large as the observed one, which counts as one of them.

    Parameters
    ----------
    observed
        Of the labels as they are.
    null
        Of permuted labels, shape ``(n,)``; of all arrangements, the observed one among them, where `exact`.
    """
    slack = TOLERANCE * abs(observed) if np.isfinite(observed) else 0
    n_larger = int((null >= observed - slack).sum())
    return n_larger / len(null) if exact else (n_larger + 1) / (len(null) + 1)


def _n_distinct(codes: np.ndarray) -> int:
    return factorial(len(codes)) // prod(factorial(int(n)) for n in np.bincount(codes))


def _distinct(codes: np.ndarray) -> Iterator[np.ndarray]:
    """Permutations of ``0 .. n - 1`` that give each distinct arrangement of the codes once."""
    sources = [np.flatnonzero(codes == code) for code in np.unique(codes)]

    def fill(free: tuple[int, ...], kind: int) -> Iterator[dict[int, int]]:
        if kind == len(sources):
            yield {}
            return
        for chosen in combinations(free, len(sources[kind])):
            rest = tuple(place for place in free if place not in chosen)
            for others in fill(rest, kind + 1):
                yield dict(zip(chosen, sources[kind].tolist(), strict=True)) | others

    for way in fill(tuple(range(len(codes))), 0):
        yield np.array([way[i] for i in range(len(codes))])
