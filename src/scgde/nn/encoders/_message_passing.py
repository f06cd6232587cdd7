from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn

from scgde._checks import check_count
from scgde.nn.encoders._base import MeanPoolingEncoder
from scgde.nn.encoders._layers import SpreadHead


class MessagePassingEncoder(MeanPoolingEncoder):
    """Rounds of messages from the weighted mean of a set to its cells, then the mean state and the widths of the set.

    Message passing on the complete graph of a set, at a cost linear in its cells.

    Parameters
    ----------
    n_input
        Features of a cell.
    n_embed
        Dimensions of the embedding.
    n_hidden
        Width.
    n_layers
        Rounds of messages, at least 1.
    n_directions
        Directions along which the widths are taken, see :class:`SpreadHead`.
    """

    def __init__(
        self,
        n_input: int,
        n_embed: int,
        *,
        n_hidden: int = 128,
        n_layers: int = 2,
        n_directions: int = 32,
    ) -> None:
        super().__init__(n_input, n_embed)
        self.first = nn.Linear(n_input, n_hidden)
        self.layers = nn.ModuleList(self.layer(n_hidden) for _ in range(check_count(n_layers, "n_layers")))
        self.head = SpreadHead(n_input, n_hidden, n_embed, n_directions=n_directions, n_hidden=n_hidden)

    @abstractmethod
    def layer(self, n_hidden: int) -> nn.Module:
        """One round: states ``(S, M, H)`` and their mean ``(S, 1, H)`` to states."""

    def start(self, features: Tensor) -> Tensor:
        """First state of a cell, from what the featurizer makes of it."""
        return features

    @property
    def n_updates(self) -> int:
        return len(self.layers)

    def lift(self, x: Tensor) -> Tensor:
        return torch.cat([self.start(self.first(x)), self.head.directions(x)], dim=-1)

    def update(self, depth: int, state: Tensor, mean: Tensor) -> Tensor:
        # Behind the state stand the coordinates along the directions, and after one round their deviations.
        (state, behind), (mean, center) = self.head.split(state), self.head.split(mean)
        if depth == 0:
            behind = self.head.deviation(behind, center)
        return torch.cat([self.layers[depth](state, mean[:, None, :]), behind], dim=-1)

    def readout(self, mean: Tensor) -> Tensor:
        return self.head(mean)
