from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional

from scgde.nn.encoders._base import ENCODERS
from scgde.nn.encoders._layers import Message
from scgde.nn.encoders._message_passing import MessagePassingEncoder

if TYPE_CHECKING:
    from torch import Tensor, nn


@ENCODERS.register("pooled_gnn")
class PooledGNN(MessagePassingEncoder):
    """Layers in which each cell sees its own state joined with the weighted mean over its set.

    Message passing on the complete graph of a set, at a cost linear in its cells. The embedding is read off the mean of
    the last states and the log widths of the set along learnt directions.

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

    References
    ----------
    :cite:t:`Fishman25`, section 3.
    """

    def layer(self, n_hidden: int) -> nn.Module:
        return Message(n_hidden)

    def start(self, features: Tensor) -> Tensor:
        return functional.silu(features)
