from __future__ import annotations

import numpy as np
import pytest
import torch

from scgde.nn.encoders import Moments


def measure(offset: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(3, 30, 4, generator=rng) + offset
    return x, torch.rand(3, 30, generator=rng).mul(3).softmax(-1)


@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_moments_equal_weighted_mean_and_covariance(offset: float) -> None:
    x, weights = measure(offset)
    moments = Moments(4, 14, project=False)(x, weights).numpy()
    upper = np.triu_indices(4)
    for row, cells, weight in zip(moments, x.double().numpy(), weights.double().numpy(), strict=True):
        np.testing.assert_allclose(row[:4], np.average(cells, axis=0, weights=weight), rtol=1e-5, atol=1e-5)
        covariance = np.cov(cells.T, aweights=weight, ddof=0)
        np.testing.assert_allclose(row[4:], covariance[upper], rtol=1e-4, atol=1e-4)


def test_moments_are_mapped_linearly_when_projected() -> None:
    x, weights = measure()
    encoder = Moments(4, 2)
    torch.testing.assert_close(encoder(x, weights), encoder.head(Moments(4, 14, project=False)(x, weights)))


def test_moments_of_one_cell_have_no_covariance() -> None:
    moments = Moments(4, 14, project=False)(measure()[0][:, :1], torch.ones(3, 1))
    assert (moments[:, 4:] == 0).all()


def test_moments_refuse_another_number_without_projection() -> None:
    with pytest.raises(ValueError, match=r"`n_embed` must be 14.*got 5"):
        Moments(4, 5, project=False)
