from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from scgde.nn.attention import SelfAttention
from scgde.nn.encoders._base import ENCODERS, Encoder
from scgde.nn.encoders._layers import Message
from scgde.nn.layers import mlp, weighted_mean


@ENCODERS.register("pooled_attention")
class PooledAttention(Encoder):
    """Layers in which each cell sees its own state joined with what it attends to in its set; then the mean.

    Weights are inside the softmax. Time is quadratic in the cells of a set, memory linear.

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
        state = functional.silu(self.first(x))
        for layer in self.layers:
            state = layer(state, weights)
        return self.head(weighted_mean(state, weights))


class _Layer(nn.Module):
    def __init__(self, n_hidden: int, n_heads: int) -> None:
        super().__init__()
        self.attention = SelfAttention(n_hidden, n_heads=n_heads)
        self.message = Message(n_hidden)

    def forward(self, state: Tensor, weights: Tensor) -> Tensor:
        return self.message(state, self.attention(state, weights))
