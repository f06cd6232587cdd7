from __future__ import annotations

from typing import TYPE_CHECKING

from scgde.nn.cells import check_vectors
from scgde.nn.featurizers._base import FEATURIZERS, Featurizer
from scgde.nn.layers import mlp

if TYPE_CHECKING:
    from torch import Tensor

    from scgde.nn.cells import CellSpec


@FEATURIZERS.register("mlp")
class MLP(Featurizer):
    """Perceptron, for cells that are vectors.

    Parameters
    ----------
    spec
        Cells that are vectors.
    n_output
        Features made, and width.
    n_layers
        Hidden layers; without any, a linear map.

    Raises
    ------
    ValueError
        If cells have another shape.
    """

    supports = frozenset({"continuous", "counts"})

    def __init__(self, spec: CellSpec, *, n_output: int = 128, n_layers: int = 1) -> None:
        super().__init__()
        self.n_output = n_output
        n_input = check_vectors(spec, "The featurizer `mlp`")
        self.network = mlp(n_input, n_output, n_hidden=n_output, n_layers=n_layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)
