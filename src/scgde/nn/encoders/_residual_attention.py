from __future__ import annotations

from torch import Tensor, nn

from scgde.nn.attention import SelfAttention
from scgde.nn.encoders._base import ENCODERS, Encoder
from scgde.nn.encoders._layers import ResidualMessage
from scgde.nn.layers import mlp, weighted_mean


@ENCODERS.register("residual_attention")
class ResidualAttention(Encoder):
    """Rounds of attention, each added to a cell's state: the input skips every one; then the weighted mean.

    Normalised over the features of a cell, never over cells. Memory is linear in the cells of a set.

    Parameters
    ----------
    n_input
        Features of a cell.
    n_embed
        Dimensions of the embedding.
    n_hidden
        Width.
    n_layers
        Rounds of messages.
    n_heads
        Heads of each attention; `n_hidden` must be a multiple of it.
    """

    def __init__(self, n_input: int, n_embed: int, *, n_hidden: int = 128, n_layers: int = 2, n_heads: int = 4) -> None:
        super().__init__(n_input, n_embed)
        self.first = nn.Linear(n_input, n_hidden)
        self.layers = nn.ModuleList(_Layer(n_hidden, n_heads) for _ in range(n_layers))
        self.head = mlp(n_hidden, n_embed, n_hidden=n_hidden, n_layers=1)

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        state = self.first(x)
        for layer in self.layers:
            state = layer(state, weights)
        return self.head(weighted_mean(state, weights))


class _Layer(nn.Module):
    def __init__(self, n_hidden: int, n_heads: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(n_hidden)
        self.attention = SelfAttention(n_hidden, n_heads=n_heads)
        self.residual = ResidualMessage(n_hidden)

    def forward(self, state: Tensor, weights: Tensor) -> Tensor:
        normed = self.norm(state)
        return self.residual(state, normed, self.attention(normed, weights))
