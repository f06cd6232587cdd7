"""Layers that several encoders share."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


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
