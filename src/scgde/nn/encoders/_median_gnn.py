from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from scgde.nn.encoders._base import ENCODERS, Encoder
from scgde.nn.encoders._layers import Message
from scgde.nn.layers import mlp
from scgde.nn.weighted_median import weighted_median


@ENCODERS.register("median_gnn")
class MedianGNN(Encoder):
    """Layers in which each cell sees its own state joined with the median over its set; then the median.

    The contrast to the smooth encoders: invariant as they are, but autodiff finds no influence function of a
    median, so that it gets no standard errors.

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
    """

    is_smooth = False

    def __init__(self, n_input: int, n_embed: int, *, n_hidden: int = 128, n_layers: int = 2) -> None:
        super().__init__(n_input, n_embed)
        self.first = nn.Linear(n_input, n_hidden)
        self.layers = nn.ModuleList(Message(n_hidden) for _ in range(n_layers))
        self.head = mlp(n_hidden, n_embed, n_hidden=n_hidden, n_layers=1)

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        state = functional.silu(self.first(x))
        for layer in self.layers:
            state = layer(state, weighted_median(state, weights)[:, None, :])
        return self.head(weighted_median(state, weights))
