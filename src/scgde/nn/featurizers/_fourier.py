from __future__ import annotations

from typing import TYPE_CHECKING

from scgde.nn.cells import check_vectors
from scgde.nn.featurizers._base import FEATURIZERS, Featurizer
from scgde.nn.layers import mlp
from scgde.nn.random_features import RandomFourier

if TYPE_CHECKING:
    from torch import Tensor

    from scgde.nn.cells import CellSpec


@FEATURIZERS.register("fourier")
class Fourier(Featurizer):
    """Perceptron on random Fourier features: fine structure from the start, of the scale of ``bandwidth``.

    Parameters
    ----------
    spec
        Cells that are vectors.
    n_output
        Features made, and width.
    n_layers
        Hidden layers; without any, a linear map of the Fourier features.
    n_features, bandwidth
        See ``scgde.nn.random_features.RandomFourier``.

    Raises
    ------
    ValueError
        If cells have another shape.
    """

    supports = frozenset({"continuous", "counts"})

    def __init__(
        self,
        spec: CellSpec,
        *,
        n_output: int = 128,
        n_layers: int = 0,
        n_features: int = 256,
        bandwidth: float | None = None,
    ) -> None:
        super().__init__()
        self.n_output = n_output
        n_input = check_vectors(spec, "The featurizer `fourier`")
        self.fourier = RandomFourier(n_input, n_features=n_features, bandwidth=bandwidth)
        self.network = mlp(n_features, n_output, n_hidden=n_output, n_layers=n_layers)

    def forward(self, x: Tensor) -> Tensor:
        # Entries of order 1, as the perceptron expects.
        return self.network(self.fourier(x) * self.fourier.frequencies.shape[1] ** 0.5)
