"""Layers that several encoders share."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from scgde.nn.layers import mlp


class Message(nn.Module):
    """A cell's state joined with a message: of its set, shape ``(S, 1, H)``, or of its own, ``(S, M, H)``."""

    def __init__(self, n_hidden: int) -> None:
        super().__init__()
        self.own = nn.Linear(n_hidden, n_hidden)
        self.pooled = nn.Linear(n_hidden, n_hidden, bias=False)

    def forward(self, state: Tensor, message: Tensor) -> Tensor:
        # A linear map of the two joined, with the part of the message computed once per set where it is one.
        return functional.silu(self.own(state) + self.pooled(message))


class ResidualMessage(nn.Module):
    """A message that is added to the state, so that the first input reaches the last layer as it is."""

    def __init__(self, n_hidden: int) -> None:
        super().__init__()
        self.message = Message(n_hidden)
        self.outer = nn.Linear(n_hidden, n_hidden)

    def forward(self, state: Tensor, normed: Tensor, message: Tensor) -> Tensor:
        """Next state, from the state, the same normalised, and the message."""
        return state + self.outer(self.message(normed, message))


class SpreadHead(nn.Module):
    """Embedding from the mean state of a set and from its log width along learnt directions.

    The width of a set changes the mean of states little compared with the position of the set, so that training is slow
    to learn it. Log widths change as much from set to set where sets are narrow as where they are wide. A width is a
    mean absolute deviation, not a standard deviation: a few cells far out do not dominate it.

    Parameters
    ----------
    n_input
        Features of a cell.
    n_state
        Dimensions of a state.
    n_embed
        Dimensions of the embedding.
    n_directions
        Directions.
    n_hidden
        Width of the network on both.
    floor
        In the units of the cells: sets that are narrower look alike, down to single cells.
    """

    def __init__(
        self, n_input: int, n_state: int, n_embed: int, *, n_directions: int, n_hidden: int, floor: float = 0.1
    ) -> None:
        super().__init__()
        self.n_directions, self.floor = n_directions, floor
        self.directions = nn.Linear(n_input, n_directions, bias=False)
        self.network = mlp(n_state + n_directions, n_embed, n_hidden=n_hidden, n_layers=1)

    def split(self, joined: Tensor) -> tuple[Tensor, Tensor]:
        """What stands for the state, and the last columns, one per direction."""
        return joined[..., : -self.n_directions], joined[..., -self.n_directions :]

    def deviation(self, projected: Tensor, center: Tensor) -> Tensor:
        """Smooth absolute deviation of coordinates ``(S, M, K)`` from their mean ``(S, K)``, at least the floor."""
        return ((projected - center[:, None, :]).square() + self.floor**2).sqrt()

    def forward(self, mean: Tensor) -> Tensor:
        """Embedding ``(S, E)``, from the mean state with the mean deviations behind it, ``(S, H + K)``."""
        state, width = self.split(mean)
        return self.network(torch.cat([state, (width / self.floor).log()], dim=-1))
