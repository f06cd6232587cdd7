"""Pairs of sets, a source and a target each: given ones, random ones, or some of both in a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.utils.data import Dataset

from scgde._checks import check_fraction
from scgde.data._cumulative import CumulativeTable
from scgde.data._datasets import as_batch, draw_mixed_views
from scgde.sets._pairs import check_pair_weights

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from scgde.data._datasets import BatchSpec
    from scgde.data._index import SetIndex
    from scgde.nn.cells import SetBatch


class Pairs(NamedTuple):
    """Sets that are drawn together.

    Parameters
    ----------
    codes
        Source and target of each given pair, shape ``(n, 2)``; there may be none.
    weights
        They are drawn in proportion to these, positive, shape ``(n,)``.
    fraction
        Share of given pairs in a batch, the rest are random. Without given pairs all are random.
    target_dropout
        Share of the given pairs in a batch that come without the embedding of their target.
    """

    codes: np.ndarray
    weights: np.ndarray
    fraction: float
    target_dropout: float = 0.0

    @classmethod
    def of(cls, codes: np.ndarray, weights: ArrayLike | None, fraction: float, target_dropout: float = 0.0) -> Pairs:
        """Given pairs ``(n, 2)``, drawn in proportion to ``weights``, equally by default."""
        shares = check_fraction(fraction, "pair_fraction"), check_fraction(target_dropout, "target_dropout")
        return cls(codes, check_pair_weights(weights, len(codes)), *shares)

    def within(self, sets: np.ndarray) -> Pairs:
        """The pairs with source and target among ``sets``."""
        inside = np.isin(self.codes, sets).all(axis=1)
        return self._replace(codes=self.codes[inside], weights=self.weights[inside])

    def can_be_drawn(self, sets: np.ndarray) -> bool:
        """Whether ``sets`` hold a pair of the kind that a batch needs."""
        return len(self.within(sets).codes) > 0 if self.fraction == 1 else len(sets) > 1

    def check_can_be_drawn(self, sets: np.ndarray, name: str) -> None:
        """Require that the ``name`` sets hold what a batch needs; there may be no validation sets at all."""
        is_optional = name == "validation" and len(sets) == 0
        if not is_optional and not self.can_be_drawn(sets):
            need = "one of `pairs`, as `pair_fraction` is 1" if self.fraction == 1 else "two sets"
            msg = f"The {name} sets must hold {need}, got {len(sets)} sets and {len(self.codes)} pairs."
            raise ValueError(msg)


class PairDataset(Dataset):
    """Batches of pairs of sets, item i for step i; see :class:`SetBatchDataset`.

    A batch holds ``sets_per_batch`` pairs, a share of them given, the others random, never a set with itself. The
    random ones are a chain, each set the target of the one before it, so that n of them embed n + 1 sets and not 2 n.
    ``source`` and ``destination``, shape ``(sets_per_batch,)``, are positions among the sets of the batch.

    Parameters
    ----------
    index
        All sets.
    sets
        The sets to draw from; given pairs that leave them are never drawn.
    pairs
        Given pairs.
    spec
        Sizes of a batch.
    steps
        The steps served.
    seed
        Random seed.
    probabilities
        Of each of ``sets`` in random pairs, which come in proportion to the product; uniform by default.
    """

    def __init__(
        self,
        index: SetIndex,
        sets: np.ndarray,
        pairs: Pairs,
        spec: BatchSpec,
        *,
        steps: range,
        seed: int,
        probabilities: np.ndarray | None = None,
    ) -> None:
        self._index, self._sets, self._spec, self._steps, self._seed = index, sets, spec, steps, seed
        self._pairs = pairs.within(sets)
        self._pair_table = CumulativeTable(self._pairs.weights) if len(self._pairs.codes) else None
        self._table = None if probabilities is None else CumulativeTable(probabilities)
        weights = np.ones(len(sets)) if probabilities is None else probabilities
        self._chain = Chain(weights) if len(sets) > 1 else None

    def __len__(self) -> int:
        return len(self._steps)

    def __getitem__(self, item: int) -> SetBatch:
        step = self._steps[item]
        rng = np.random.default_rng([self._seed, step])
        sets, source = self._draw(rng)
        views = draw_mixed_views(self._index, sets, self._sets, self._spec, table=self._table, rng=rng)
        ends = torch.from_numpy(source)
        batch, without = as_batch(views, sets, step=step), self._without_target(len(ends))
        return batch._replace(source=ends, destination=ends + 1, without_target=without)

    def _without_target(self, n_pairs: int) -> torch.Tensor | None:
        """The first of the given pairs, which come in random order and before the others."""
        n_given = 0 if self._pair_table is None else round(self._spec.sets_per_batch * self._pairs.fraction)
        n_without = round(n_given * self._pairs.target_dropout)
        return torch.arange(n_pairs) < n_without if n_without else None

    def _draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Sets of a batch, and the position of each source among them; its target is the next one."""
        given, n_given = self._sets[:0], 0
        if self._pair_table is not None:
            n_given = round(self._spec.sets_per_batch * self._pairs.fraction)
            given = self._pairs.codes[self._pair_table.draw(n_given, rng=rng)]
        n_random = self._spec.sets_per_batch - n_given
        chain = self._sets[:0]
        if n_random and self._chain is not None:
            chain = self._sets[self._chain.draw(n_random + 1, rng=rng)]
        source = np.append(2 * np.arange(n_given), 2 * n_given + np.arange(n_random))
        return np.append(given, chain), source


class Chain:
    """Draws chains of positions, neighbours different: neighbours (i, j) come in proportion to ``w_i w_j``.

    Parameters
    ----------
    weights
        The positive w, at least two.
    """

    def __init__(self, weights: np.ndarray) -> None:
        self._start = CumulativeTable(weights * (weights.sum() - weights))  # stationary
        self._upper = weights.cumsum()

    def draw(self, n: int, *, rng: np.random.Generator) -> np.ndarray:
        """``n`` positions, shape ``(n,)``."""
        chain = [int(self._start.draw(1, rng=rng)[0])]
        for level in rng.random(n - 1):
            chain.append(_sample_other(self._upper, chain[-1], level))
        return np.array(chain)


def _sample_other(upper: np.ndarray, last: int, level: float) -> int:
    """Position at a ``level`` in [0, 1] of the cumulative weights ``upper``, the part of ``last`` cut out."""
    lower = upper[last - 1] if last else 0.0
    level = level * (upper[-1] - upper[last] + lower)
    if last == len(upper) - 1 or level < lower:
        return min(int(np.searchsorted(upper[:last], level, side="right")), last - 1)
    later = np.searchsorted(upper[last + 1 :], level + upper[last] - lower, side="right")
    return min(last + 1 + int(later), len(upper) - 1)
