from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from scgde.nn.blocks import mlp
from scgde.nn.encoders._base import MeanPoolingEncoder, encoders


class _Message(nn.Module):
    """One layer: a cell's state joined with the mean state of its set."""

    def __init__(self, n_hidden: int) -> None:
        super().__init__()
        self.own = nn.Linear(n_hidden, n_hidden)
        self.pooled = nn.Linear(n_hidden, n_hidden, bias=False)

    def forward(self, state: Tensor, mean: Tensor) -> Tensor:
        # A linear map of the two joined, with the part of the mean computed once per set.
        return functional.silu(self.own(state) + self.pooled(mean)[:, None, :])


@encoders.register("pooled_gnn")
class PooledGNN(MeanPoolingEncoder):
    """Layers in which each cell sees its own state joined with the weighted mean over its set.

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
        Rounds of messages.

    References
    ----------
    :cite:t:`Fishman25`, section 3.
    """

    def __init__(self, n_input: int, n_embed: int, *, n_hidden: int = 128, n_layers: int = 2) -> None:
        super().__init__()
        self.n_input, self.n_embed = n_input, n_embed
        self.first = nn.Linear(n_input, n_hidden)
        self.layers = nn.ModuleList(_Message(n_hidden) for _ in range(n_layers))
        self.head = mlp(n_hidden, n_embed, n_hidden=n_hidden, n_layers=1)

    @property
    def n_updates(self) -> int:
        return len(self.layers)

    def lift(self, x: Tensor) -> Tensor:
        return functional.silu(self.first(x))

    def update(self, depth: int, state: Tensor, mean: Tensor) -> Tensor:
        return self.layers[depth](state, mean)

    def readout(self, mean: Tensor) -> Tensor:
        return self.head(mean)
