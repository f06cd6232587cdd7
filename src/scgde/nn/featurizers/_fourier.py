from __future__ import annotations

from typing import TYPE_CHECKING

from scgde.nn.featurizers._base import FEATURIZERS, Featurizer
from scgde.nn.layers import mlp
from scgde.nn.random_features import RandomFourier

if TYPE_CHECKING:
    from torch import Tensor


@FEATURIZERS.register("fourier")
class Fourier(Featurizer):
    """Perceptron on random Fourier features: fine structure from the start, of the scale of ``bandwidth``.

    Parameters
    ----------
    n_input
        Features of a cell.
    n_output
        Features made, and width.
    n_layers
        Hidden layers; without any, a linear map of the Fourier features.
    n_features, bandwidth
        See :class:`~scgde.nn.random_features.RandomFourier`.
    """

    def __init__(
        self,
        n_input: int,
        n_output: int,
        *,
        n_layers: int = 0,
        n_features: int = 256,
        bandwidth: float | None = None,
    ) -> None:
        super().__init__()
        self.fourier = RandomFourier(n_input, n_features=n_features, bandwidth=bandwidth)
        self.network = mlp(n_features, n_output, n_hidden=n_output, n_layers=n_layers)

    def forward(self, x: Tensor) -> Tensor:
        # Entries of order 1, as the perceptron expects.
        return self.network(self.fourier(x) * self.fourier.frequencies.shape[1] ** 0.5)
