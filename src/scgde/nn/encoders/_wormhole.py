from __future__ import annotations

from torch import Tensor, nn

from scgde.nn.attention import SelfAttention
from scgde.nn.encoders._base import ENCODERS, Encoder
from scgde.nn.layers import mlp, weighted_mean


@ENCODERS.register("wormhole")
class Wormhole(Encoder):
    """Transformer blocks on the set, then the weighted mean: the encoder of Wasserstein Wormhole.

    There it is trained so that latent distances are Wasserstein distances: a loss, not part of the encoder.
    Weights are inside the softmax, where the original masks padding. Memory is linear in the cells of a set.

    Parameters
    ----------
    n_input
        Features of a cell.
    n_embed
        Dimensions of the embedding.
    n_hidden
        Width.
    n_layers
        Blocks.
    n_heads
        Heads of each attention; `n_hidden` must be a multiple of it.

    References
    ----------
    :cite:t:`Haviv24`, section 3; blocks as in :cite:t:`Vaswani17`.
    """

    def __init__(self, n_input: int, n_embed: int, *, n_hidden: int = 128, n_layers: int = 2, n_heads: int = 4) -> None:
        super().__init__(n_input, n_embed)
        self.first = nn.Linear(n_input, n_hidden)
        self.blocks = nn.ModuleList(_Block(n_hidden, n_heads) for _ in range(n_layers))
        self.head = mlp(n_hidden, n_embed, n_hidden=n_hidden, n_layers=1)

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        state = self.first(x)
        for block in self.blocks:
            state = block(state, weights)
        return self.head(weighted_mean(state, weights))


class _Block(nn.Module):
    def __init__(self, n_hidden: int, n_heads: int) -> None:
        super().__init__()
        self.attention = SelfAttention(n_hidden, n_heads=n_heads)
        self.mix = nn.Linear(n_hidden, n_hidden)
        self.attention_norm, self.cell_norm = nn.LayerNorm(n_hidden), nn.LayerNorm(n_hidden)
        self.cell = mlp(n_hidden, n_hidden, n_hidden=4 * n_hidden, n_layers=1)

    def forward(self, state: Tensor, weights: Tensor) -> Tensor:
        state = self.attention_norm(state + self.mix(self.attention(state, weights)))
        return self.cell_norm(state + self.cell(state))
