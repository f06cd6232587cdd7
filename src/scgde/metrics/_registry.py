"""Which distances between sets of cells there are, and what is known of each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from scgde._registry import NameTable
from scgde.metrics._all_pairs import AllPairs, EachPair

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    import numpy as np

F = TypeVar("F", bound="Callable[..., float]")

#: Distances of ``tl.distances`` that are taken between embeddings, and their labels: no metric may take their names.
EMBEDDING_DISTANCES = {
    "noise_corrected": "distance of embeddings, noise subtracted",
    "embedding": "distance of embeddings",
    "standard_error": "standard error of the distance",
    "mahalanobis": "difference in standard errors",
}
#: Prefix of the unbiased form of a metric, where there is one.
UNBIASED = "unbiased_"


@dataclass(frozen=True)
class CellMetric:
    """A distance between two sets of cells.

    Attributes
    ----------
    function
        From cells ``(n, G)`` and ``(m, G)`` to a number.
    label
        What figures write on the axis.
    is_squared
        Whether the value is a square: tests between groups of sets then take its root, which behaves as a distance.
    has_unbiased
        Whether `function` takes ``unbiased=True``, which leaves out the pairs of a cell with itself.
    takes_seed
        Whether `function` takes ``seed``, for random directions or the like.
    shared
        From pooled cells of all sets ``(n, G)`` to keyword arguments of `function` that all pairs of sets must share
        for their values to compare, such as the width of a kernel. None: there are none.
    all_pairs
        From the keyword arguments of `function` that :meth:`prepare` would pass to the same metric between all pairs of
        many sets, with what concerns one set computed once. None: `function` is called for each pair.

    Examples
    --------
    >>> import scgde
    >>> scgde.metrics.METRICS["energy"].label
    'energy distance'
    """

    function: Callable[..., float]
    label: str
    is_squared: bool
    has_unbiased: bool = False
    takes_seed: bool = False
    shared: Callable[[np.ndarray], dict[str, Any]] | None = None
    all_pairs: Callable[..., AllPairs[Any]] | None = None

    def prepare(
        self, pooled: np.ndarray, *, unbiased: bool = False, seed: int | None = None
    ) -> Callable[[np.ndarray, np.ndarray], float]:
        """The function of two sets of cells, with one choice of its parameters for all pairs.

        Parameters
        ----------
        pooled
            Cells of all sets, by which shared parameters are chosen, shape ``(n, G)``; some thousands suffice.
        unbiased
            Whether to take the unbiased form.
        seed
            Seed of a function that takes one; None for its default.
        """
        return partial(self.function, **self._options(pooled, unbiased=unbiased, seed=seed))

    def prepare_all_pairs(
        self, pooled: np.ndarray, *, unbiased: bool = False, seed: int | None = None
    ) -> AllPairs[Any]:
        """The same for every two of many sets; arguments as in :meth:`prepare`."""
        if self.all_pairs is None:
            return EachPair(self.prepare(pooled, unbiased=unbiased, seed=seed))
        return self.all_pairs(**self._options(pooled, unbiased=unbiased, seed=seed))

    def _options(self, pooled: np.ndarray, *, unbiased: bool, seed: int | None) -> dict[str, Any]:
        options = {} if self.shared is None else self.shared(pooled)
        options |= {"unbiased": True} if unbiased else {}
        return options | ({"seed": seed} if self.takes_seed and seed is not None else {})


class MetricRegistry(NameTable[CellMetric]):
    """Named distances between sets of cells: a new one is one file that registers itself, or one decorated function.

    Examples
    --------
    >>> import numpy as np
    >>> import scgde
    >>> @scgde.metrics.METRICS.register("mean_distance", label="distance of means", is_squared=False)
    ... def mean_distance(x, y):
    ...     return float(np.linalg.norm(x.mean(axis=0) - y.mean(axis=0)))
    >>> table = scgde.tl.distances(adata, metric="mean_distance")
    """

    def register(
        self,
        name: str,
        *,
        label: str,
        is_squared: bool,
        has_unbiased: bool = False,
        takes_seed: bool = False,
        shared: Callable[[np.ndarray], dict[str, Any]] | None = None,
        all_pairs: Callable[..., AllPairs[Any]] | None = None,
    ) -> Callable[[F], F]:
        """Decorator that files a function of cells ``(n, G)`` and ``(m, G)`` under ``name``; a name can be taken once.

        Parameters
        ----------
        name
            What ``metric=`` of ``scgde.tl`` and ``scgde.pl`` takes.
        label, is_squared, has_unbiased, takes_seed, shared, all_pairs
            See :class:`CellMetric`.
        """
        if name in EMBEDDING_DISTANCES or name.startswith(UNBIASED):
            msg = (
                f"A metric must not be named as a distance between embeddings, {list(EMBEDDING_DISTANCES)}, nor begin "
                f"with {UNBIASED!r}, got {name!r}. Choose another name, and `has_unbiased=True` for an unbiased form."
            )
            raise ValueError(msg)

        def add(function: F) -> F:
            entry = CellMetric(function, label, is_squared, has_unbiased, takes_seed, shared, all_pairs)
            self._add(name, entry, function)
            return function

        return add

    @property
    def forms(self) -> list[str]:
        """All names, each followed by that of its unbiased form where it has one."""
        forms = [[name, UNBIASED + name] if self[name].has_unbiased else [name] for name in self]
        return [name for names in forms for name in names]

    def form(self, name: str) -> tuple[CellMetric, bool]:
        """The metric of a name of :attr:`forms`, and whether the name is that of its unbiased form."""
        return self[name.removeprefix(UNBIASED)], name.startswith(UNBIASED)


METRICS = MetricRegistry("metric")


def label_of(name: str) -> str:
    """Label of a distance between embeddings or cells; of an unknown one its name."""
    if name not in METRICS.forms:
        return EMBEDDING_DISTANCES.get(name, name)
    entry, is_unbiased = METRICS.form(name)
    return f"{entry.label}, unbiased" if is_unbiased else entry.label
