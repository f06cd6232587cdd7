from __future__ import annotations

from typing import TYPE_CHECKING

from scgde.nn.featurizers._base import FEATURIZERS, Featurizer
from scgde.nn.layers import mlp

if TYPE_CHECKING:
    from torch import Tensor


@FEATURIZERS.register("mlp")
class MLP(Featurizer):
    """Perceptron, for cells that are vectors.

    Parameters
    ----------
    n_input
        Features of a cell.
    n_output
        Features made, and width.
    n_layers
        Hidden layers; without any, a linear map.
    """

    def __init__(self, n_input: int, n_output: int, *, n_layers: int = 0) -> None:
        super().__init__()
        self.network = mlp(n_input, n_output, n_hidden=n_output, n_layers=n_layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)
