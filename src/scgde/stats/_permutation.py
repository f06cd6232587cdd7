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
    """``n`` random permutations of sets within strata ``(S,)``, shape ``(n, S)``.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> strata = np.array([0, 0, 1, 1])
    >>> orders = stats.shuffles(strata, 5, np.random.default_rng(0))
    >>> bool((strata[orders] == strata).all())
    True
    """
    order = np.argsort(strata, kind="stable")
    permutations = np.empty((n, len(strata)), dtype=np.int64)
    # Noise below 1 shuffles within a stratum and keeps the strata in order.
    permutations[:, order] = np.argsort(strata + rng.random((n, len(strata))), axis=1)
    return permutations


def n_arrangements(codes: np.ndarray, strata: np.ndarray) -> int:
    """Number of distinct labellings that permutations of the labels ``(S,)`` within strata can give.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> stats.n_arrangements(np.array([0, 0, 1, 1]), np.zeros(4, dtype=int))
    6
    """
    return prod(_n_distinct(codes[strata == stratum]) for stratum in np.unique(strata))


def arrangements(codes: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """Permutations that give each distinct labelling once, shape ``(n_arrangements, S)``.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> stats.arrangements(np.array([0, 0, 1]), np.zeros(3, dtype=int)).shape
    (3, 3)
    """
    members = [np.flatnonzero(strata == stratum) for stratum in np.unique(strata)]
    choices = [[rows[order] for order in _distinct(codes[rows])] for rows in members]
    permutations = np.empty((prod(map(len, choices)), len(codes)), dtype=np.int64)
    for permutation, parts in zip(permutations, product(*choices), strict=True):
        for rows, part in zip(members, parts, strict=True):
            permutation[rows] = part
    return permutations


def p_value(observed: float, null: np.ndarray, *, exact: bool) -> float:
    """Share of statistics at least as large as the observed one, which is counted among them.

    Parameters
    ----------
    observed
        Statistic of the labels as they are.
    null
        Statistics of permuted labels, shape ``(n,)``. Where `exact`, of all arrangements, the observed one included.
    exact
        Whether `null` covers all arrangements. Otherwise ``(b + 1) / (n + 1)``, which is never 0.

    References
    ----------
    :cite:t:`Phipson10`.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> stats.p_value(3.0, np.array([0.0, 1.0, 2.0]), exact=False)
    0.25
    """
    slack = TOLERANCE * abs(observed) if np.isfinite(observed) else 0
    n_larger = int((null >= observed - slack).sum())
    return n_larger / len(null) if exact else (n_larger + 1) / (len(null) + 1)


def _n_distinct(codes: np.ndarray) -> int:
    return factorial(len(codes)) // prod(factorial(int(n)) for n in np.bincount(codes))


def _distinct(codes: np.ndarray) -> Iterator[np.ndarray]:
    """Permutations of ``0 .. n - 1`` that give each distinct labelling with the codes once."""
    members = [np.flatnonzero(codes == code) for code in np.unique(codes)]

    def fill(free: tuple[int, ...], kind: int) -> Iterator[dict[int, int]]:
        """Choose positions for one class after the other: position -> which member of the class."""
        if kind == len(members):
            yield {}
            return
        for chosen in combinations(free, len(members[kind])):
            rest = tuple(position for position in free if position not in chosen)
            for others in fill(rest, kind + 1):
                yield dict(zip(chosen, members[kind].tolist(), strict=True)) | others

    for assigned in fill(tuple(range(len(codes))), 0):
        yield np.array([assigned[i] for i in range(len(codes))])
