from __future__ import annotations

from typing import TYPE_CHECKING

from scgde.nn.cells import check_vectors
from scgde.nn.featurizers._base import FEATURIZERS, Featurizer

if TYPE_CHECKING:
    from torch import Tensor

    from scgde.nn.cells import CellSpec


@FEATURIZERS.register("identity")
class Identity(Featurizer):
    """Vectors as they are, at no cost.

    Parameters
    ----------
    spec
        Cells that are vectors.

    Raises
    ------
    ValueError
        If cells have another shape.
    """

    supports = frozenset({"continuous", "counts"})

    def __init__(self, spec: CellSpec) -> None:
        super().__init__()
        self.n_output = check_vectors(spec, "The featurizer `identity`")

    def forward(self, x: Tensor) -> Tensor:
        return x
