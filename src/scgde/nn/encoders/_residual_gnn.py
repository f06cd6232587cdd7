from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from scgde.nn.encoders._base import ENCODERS
from scgde.nn.encoders._layers import ResidualMessage
from scgde.nn.encoders._message_passing import MessagePassingEncoder

if TYPE_CHECKING:
    from torch import Tensor


@ENCODERS.register("residual_gnn")
class ResidualGNN(MessagePassingEncoder):
    """Rounds of messages from the weighted mean, each added to a cell's state: the input skips every one.

    Normalised over the features of a cell or of a mean, never over cells. The embedding is read off the mean of the
    last states and the log widths of the set along learnt directions.

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
        Directions along which widths are taken.
    """

    def layer(self, n_hidden: int) -> nn.Module:
        return _Layer(n_hidden)


class _Layer(nn.Module):
    def __init__(self, n_hidden: int) -> None:
        super().__init__()
        self.norm, self.mean_norm = nn.LayerNorm(n_hidden), nn.LayerNorm(n_hidden)
        self.residual = ResidualMessage(n_hidden)

    def forward(self, state: Tensor, mean: Tensor) -> Tensor:
        return self.residual(state, self.norm(state), self.mean_norm(mean))
