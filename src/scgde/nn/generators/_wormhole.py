from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from scgde._checks import check_count, check_positive
from scgde.nn.attention import SelfAttention
from scgde.nn.cells import take_cells
from scgde.nn.divergences import sinkhorn_divergence, uniform_weights
from scgde.nn.generators._base import GENERATORS, Generator
from scgde.nn.layers import mlp

if TYPE_CHECKING:
    from scgde.nn.cells import CellSpec


@GENERATORS.register("wormhole")
class Wormhole(Generator):
    """A fixed number of cells by attention from learnt tokens, matched by the Sinkhorn divergence.

    The decoder of Wasserstein Wormhole. A set is the same cells each time: more of them repeat.

    Parameters
    ----------
    spec
        Cells of real numbers.
    n_context
        Dimensions of the context.
    n_points
        Cells that stand for a set.
    n_hidden
        Width.
    n_layers
        Blocks.
    n_heads
        Heads of each attention; `n_hidden` must be a multiple of it.
    epsilon
        Strength of the entropy, relative to the mean squared distance between the points and the cells.
    n_rounds
        Rounds of ten iterations after the annealing.

    Raises
    ------
    ValueError
        If a count is below 1, `n_hidden` is no multiple of `n_heads`, or `epsilon` is not positive.

    References
    ----------
    :cite:t:`Haviv24`, section 3; :cite:t:`Feydy19` for the divergence.
    """

    supports = frozenset({"continuous", "images"})

    def __init__(
        self,
        spec: CellSpec,
        n_context: int,
        *,
        n_points: int = 64,
        n_hidden: int = 128,
        n_layers: int = 2,
        n_heads: int = 4,
        epsilon: float = 0.05,
        n_rounds: int = 2,
    ) -> None:
        super().__init__(spec, n_context)
        self.n_points = check_count(n_points, "n_points")
        self.epsilon = check_positive(epsilon, "epsilon")
        self.n_rounds = check_count(n_rounds, "n_rounds")
        self.tokens = nn.Parameter(torch.randn(n_points, n_hidden))
        self.context = nn.Linear(n_context, n_hidden)
        self.blocks = nn.ModuleList(_Block(n_hidden, n_heads) for _ in range(n_layers))
        self.last = nn.Sequential(nn.LayerNorm(n_hidden), nn.Linear(n_hidden, spec.size))

    def points(self, context: Tensor) -> Tensor:
        """Cells that stand for each set, shape ``(S, n_points, *shape)``, of contexts ``(S, C)``."""
        given = self.context(context)[:, None, :]
        state = self.tokens.expand(len(context), -1, -1)
        for block in self.blocks:
            state = block(state, given)
        return self.last(state).unflatten(-1, self.spec.shape)

    def loss(self, target: Tensor, weights: Tensor, context: Tensor) -> Tensor:
        points, cells = self.points(context).flatten(2), target.flatten(2)
        even = uniform_weights(points)
        return sinkhorn_divergence(points, even, cells, weights, epsilon=self.epsilon, n_rounds=self.n_rounds)

    def sample(self, context: Tensor, n_cells: int, *, rng: torch.Generator | None = None) -> Tensor:
        """Draw from the points of each set, each at most once while they last; see ``Generator.sample``."""
        self.check_context(context)
        points = self.points(context)
        equal = torch.ones(points.shape[:2])
        drawn = torch.multinomial(equal, n_cells, replacement=n_cells > self.n_points, generator=rng)
        return take_cells(points, drawn.to(points.device))


class _Block(nn.Module):
    def __init__(self, n_hidden: int, n_heads: int) -> None:
        super().__init__()
        self.attention = SelfAttention(n_hidden, n_heads=n_heads)
        self.mix = nn.Linear(n_hidden, n_hidden)
        self.attention_norm, self.cell_norm = nn.LayerNorm(n_hidden), nn.LayerNorm(n_hidden)
        self.cell = mlp(n_hidden, n_hidden, n_hidden=2 * n_hidden, n_layers=1)

    def forward(self, state: Tensor, context: Tensor) -> Tensor:
        state = state + context
        state = state + self.mix(self.attention(self.attention_norm(state), uniform_weights(state)))
        return state + self.cell(self.cell_norm(state))
