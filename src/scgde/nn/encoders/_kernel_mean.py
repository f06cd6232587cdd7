from __future__ import annotations

from torch import Tensor, nn

from scgde.nn.encoders._base import ENCODERS, MeanPoolingEncoder
from scgde.nn.random_features import RandomFourier


@ENCODERS.register("kernel_mean")
class KernelMean(MeanPoolingEncoder):
    """Kernel mean embedding of each set, by fixed random Fourier features, then a linear map.

    Before the map, squared distances between sets approach the squared MMD with a Gaussian kernel.

    Parameters
    ----------
    n_input
        Features of a cell.
    n_embed
        Dimensions of the embedding.
    n_features, bandwidth
        See ``scgde.nn.random_features.RandomFourier``. The default bandwidth is for scaled features.

    References
    ----------
    :cite:t:`Rahimi07`.
    """

    n_updates = 0

    def __init__(self, n_input: int, n_embed: int, *, n_features: int = 512, bandwidth: float | None = None) -> None:
        super().__init__(n_input, n_embed)
        self.features = RandomFourier(n_input, n_features=n_features, bandwidth=bandwidth)
        self.head = nn.Linear(n_features, n_embed)

    def lift(self, x: Tensor) -> Tensor:
        return self.features(x)

    def update(self, depth: int, state: Tensor, mean: Tensor) -> Tensor:
        msg = "a kernel mean pools once"
        raise AssertionError(msg)

    def readout(self, mean: Tensor) -> Tensor:
        return self.head(mean)
