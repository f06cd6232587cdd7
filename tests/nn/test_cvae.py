from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from scgde.nn.cells import CellSpec
from scgde.nn.generators import CVAE

SLOPE, SD = 0.8, 0.6


def softplus_inverse(value):
    return math.log(math.expm1(value))


class Posterior(nn.Module):
    """Exact posterior of the code, for cells SLOPE * code + SD * noise: mean at time 0, width at time 1."""

    def forward(self, x, time, context):
        variance = SLOPE**2 + SD**2
        width = softplus_inverse(SD / variance**0.5 - 0.01)
        return torch.where(time[..., None] == 0, SLOPE * x / variance, torch.full_like(x, width))


class Linear(nn.Module):
    def forward(self, code, time, context):
        return SLOPE * code


@pytest.fixture
def exact():
    """CVAE whose networks are those of a linear Gaussian model."""
    generator = CVAE(CellSpec.vectors(1), 1)
    generator.encoder, generator.decoder = Posterior(), Linear()
    nn.init.zeros_(generator.noise.weight)
    nn.init.constant_(generator.noise.bias, softplus_inverse(SD - 0.01))
    return generator


def losses(generator):
    x = (SLOPE**2 + SD**2) ** 0.5 * torch.randn(2000, 50, 1)
    return generator.loss(x, torch.full((2000, 50), 1 / 50), torch.zeros(2000, 1)).detach()


def test_bound_is_the_likelihood_where_the_posterior_is_exact(exact):
    # - log N(x; 0, variance), without the constant.
    expected = 0.5 * (1 + math.log(SLOPE**2 + SD**2))
    assert losses(exact).mean().item() == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("offset", [-0.5, 0.5])
def test_other_observation_noise_is_worse(exact, offset):
    best = losses(exact).mean()
    exact.noise.bias.data += offset
    assert losses(exact).mean() > best + 0.01


@torch.no_grad()
def test_cells_are_drawn_with_the_observation_noise(exact):
    cells = exact.sample(torch.zeros(1, 1), 40_000, rng=torch.Generator().manual_seed(0))
    assert cells.std().item() == pytest.approx((SLOPE**2 + SD**2) ** 0.5, rel=0.02)


def test_beta_weighs_the_divergence_from_the_prior(exact, reseed):
    def loss(beta):
        exact.beta = beta
        reseed(1)
        return losses(exact)

    difference = (loss(3.0) - loss(1.0)).mean().item() / 2
    share = SD**2 / (SLOPE**2 + SD**2)  # variance of the posterior
    assert difference == pytest.approx(0.5 * (1 - share + share - 1 - math.log(share)), abs=0.01)


def test_observation_noise_stays_above_its_floor():
    generator = CVAE(CellSpec.vectors(2), 1)
    nn.init.constant_(generator.noise.bias, -100)
    x = torch.zeros(3, 4, 2)
    assert generator.loss(x, torch.full((3, 4), 0.25), torch.zeros(3, 1)).isfinite().all()
    torch.testing.assert_close(generator._observation_sd(torch.zeros(1, 1)), torch.full((1, 1, 2), 0.01))


def test_cvae_refuses_no_beta():
    with pytest.raises(ValueError, match="`beta` must be positive and finite, got 0"):
        CVAE(CellSpec.vectors(2), 1, beta=0)
