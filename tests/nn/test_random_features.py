from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist

from scgde.nn.random_features import RandomFourier


def cells(n: int = 40, n_features: int = 5) -> torch.Tensor:
    return torch.randn(n, n_features, generator=torch.Generator().manual_seed(0))


def gaussian_kernel(x: torch.Tensor, bandwidth: float) -> torch.Tensor:
    return (-torch.cdist(x, x).square() / (2 * bandwidth**2)).exp()


@pytest.mark.parametrize("bandwidth", [1.0, 3.0])
def test_random_fourier_inner_products_approach_the_gaussian_kernel(bandwidth: float) -> None:
    x = cells()
    features = RandomFourier(5, n_features=20_000, bandwidth=bandwidth)(x)
    # The variance of an entry is below 1 / 10,000; the bound is six of its standard deviations.
    torch.testing.assert_close(features @ features.T, gaussian_kernel(x, bandwidth), rtol=0, atol=0.06)


def test_random_fourier_features_have_length_one() -> None:
    torch.testing.assert_close(RandomFourier(5, n_features=16)(cells()).norm(dim=-1), torch.ones(40))


def test_random_fourier_default_bandwidth_is_the_median_of_standardised_cells() -> None:
    frequencies = RandomFourier(50, n_features=4000).frequencies
    assert 1 / frequencies.std().item() == pytest.approx(np.median(pdist(cells(500, 50).numpy())), rel=0.05)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"bandwidth": 0.0}, "`bandwidth` must be positive"),
        ({"n_features": 7}, "`n_features` must be even.*got 7"),
    ],
)
def test_random_fourier_refuses_bad_choices(choices: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RandomFourier(5, **choices)
