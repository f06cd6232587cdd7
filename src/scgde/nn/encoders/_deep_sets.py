from __future__ import annotations

from typing import TYPE_CHECKING

from scgde.nn.encoders._base import ENCODERS, MeanPoolingEncoder
from scgde.nn.layers import mlp

if TYPE_CHECKING:
    from torch import Tensor


@ENCODERS.register("deep_sets")
class DeepSets(MeanPoolingEncoder):
    """Network on each cell, weighted mean, network on the mean.

    Parameters
    ----------
    n_input
        Features of a cell.
    n_embed
        Dimensions of the embedding.
    n_hidden
        Width of both networks.
    n_layers
        Hidden layers of the network on the cells.

    References
    ----------
    :cite:t:`Zaheer17`, theorem 2, with the mean in place of the sum.
    """

    n_updates = 0

    def __init__(self, n_input: int, n_embed: int, *, n_hidden: int = 128, n_layers: int = 2) -> None:
        super().__init__(n_input, n_embed)
        self.cell = mlp(n_input, n_hidden, n_hidden=n_hidden, n_layers=n_layers)
        self.head = mlp(n_hidden, n_embed, n_hidden=n_hidden, n_layers=1)

    def lift(self, x: Tensor) -> Tensor:
        return self.cell(x)

    def update(self, depth: int, state: Tensor, mean: Tensor) -> Tensor:
        msg = "deep sets pool once"
        raise AssertionError(msg)

    def readout(self, mean: Tensor) -> Tensor:
        return self.head(mean)
