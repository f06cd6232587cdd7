from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from torch import Tensor, nn

from scgde._registry import Registry
from scgde.nn.layers import weighted_mean

if TYPE_CHECKING:
    from collections.abc import Sequence


class Encoder(nn.Module, ABC):
    """Set encoder: a smooth functional of the empirical measure.

    A set is points and weights. An encoder must not see the number of cells, their order, or any statistic
    across cells other than a weighted one: then a duplicated cell is a doubled weight, and padding weight 0.

    The memory of ``forward`` is linear in the cells: called on all cells of a set, it embeds the set exactly.
    A ``MeanPoolingEncoder`` can do so from chunks of them.

    A subclass is made as ``Encoder(n_input, n_embed, *, ...)``, and passes both on.

    Parameters
    ----------
    n_input
        Features of a cell: ``n_output`` of a featurizer.
    n_embed
        Dimensions of the embedding.
    """

    #: Whether the embedding is differentiable in the weights, so that influence functions and the CLT hold.
    is_smooth: ClassVar[bool] = True

    def __init__(self, n_input: int, n_embed: int) -> None:
        super().__init__()
        self.n_input, self.n_embed = n_input, n_embed

    @abstractmethod
    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        """Embed each set.

        Parameters
        ----------
        x
            Vectors of cells, shape ``(S, M, n_input)``.
        weights
            Non-negative, each row sums to 1, shape ``(S, M)``.

        Returns
        -------
        One embedding per set, shape ``(S, E)``.
        """


class MeanPoolingEncoder(Encoder):
    """Encoder that meets the other cells of a set through weighted means only.

    Cells are lifted on their own, pooled, updated given the pooled mean, pooled again and so on. A set that
    does not fit in memory is embedded *exactly*, one mean after another, over chunks of its cells.
    """

    @abstractmethod
    def lift(self, x: Tensor) -> Tensor:
        """First state of each cell, ``(S, M, n_input)`` to ``(S, M, H)``."""

    @abstractmethod
    def update(self, depth: int, state: Tensor, mean: Tensor) -> Tensor:
        """Next state of each cell, from its state ``(S, M, H)`` and the mean ``(S, H)`` of the states."""

    @abstractmethod
    def readout(self, mean: Tensor) -> Tensor:
        """Embedding ``(S, E)`` from the last mean ``(S, H)``."""

    @property
    @abstractmethod
    def n_updates(self) -> int:
        """Number of updates, one mean before each and one after the last."""

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        state = self.lift(x)
        mean = weighted_mean(state, weights)
        for depth in range(self.n_updates):
            state = self.update(depth, state, mean)
            mean = weighted_mean(state, weights)
        return self.readout(mean)

    def states(self, x: Tensor, means: Sequence[Tensor]) -> Tensor:
        """Cells after ``len(means)`` updates: what is averaged next when a set comes in chunks."""
        state = self.lift(x)
        for depth, mean in enumerate(means):
            state = self.update(depth, state, mean)
        return state


ENCODERS: Registry[Encoder] = Registry("encoder")
