"""A metric between every two of many sets: what concerns one set is computed once, pairs come in blocks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import combinations
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Term = TypeVar("Term")


class AllPairs(ABC, Generic[Term]):
    """A metric whose part of one set is computed once, whatever the number of its partners.

    Examples
    --------
    >>> import numpy as np
    >>> import scgde
    >>> energy = scgde.metrics.METRICS["energy"].all_pairs()
    >>> sets = [energy.of_set(np.array([[0.0]])), energy.of_set(np.array([[3.0]]))]
    >>> energy.block(sets[:1], sets[1:]).tolist()
    [[6.0]]
    """

    @abstractmethod
    def of_set(self, x: np.ndarray) -> Term:
        """What has to be known of the cells ``(n, G)`` of one set."""

    @abstractmethod
    def block(self, a: Sequence[Term], b: Sequence[Term]) -> np.ndarray:
        """Distance of each of ``a`` to each of ``b``, shape ``(len(a), len(b))``."""

    def triangle(self, a: Sequence[Term]) -> np.ndarray:
        """Distance of every two of ``a``, shape ``(len(a), len(a))``; only what is above the diagonal is used."""
        return self.block(a, a)


class EachPair(AllPairs[Any]):
    """A function of two sets that is called for each pair.

    Parameters
    ----------
    metric
        From what is known of two sets to a number: their cells ``(n, G)`` and ``(m, G)``.
    """

    def __init__(self, metric: Callable[[Any, Any], float]) -> None:
        self._metric = metric

    def of_set(self, x: np.ndarray) -> Any:
        return x

    def block(self, a: Sequence[Any], b: Sequence[Any]) -> np.ndarray:
        return np.array([[self._metric(x, y) for y in b] for x in a])

    def triangle(self, a: Sequence[Any]) -> np.ndarray:
        values = np.zeros((len(a), len(a)))
        for i, j in combinations(range(len(a)), 2):
            values[i, j] = self._metric(a[i], a[j])
        return values
