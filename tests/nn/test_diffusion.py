from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from scgde.nn.cells import CellSpec
from scgde.nn.generators import Diffusion
from scgde.nn.paths import cosine_schedule

MEAN, SD = torch.tensor([2.0, -1.0]), torch.tensor([0.5, 1.5])


class GaussianDenoiser(nn.Module):
    """Expectation of v = signal eps - noise x given x_t, for cells from N(MEAN, SD ** 2)."""

    def __init__(self, offset=0.0):
        super().__init__()
        self.offset = offset

    def forward(self, x, time, context):
        signal, noise = cosine_schedule(time[..., None])
        residual = (x - signal * MEAN) / (signal.square() * SD.square() + noise.square())
        return signal * (noise * residual) - noise * (MEAN + signal * SD.square() * residual) + self.offset


def draw(n_steps, sampler, *, n_cells=20_000):
    generator = Diffusion(CellSpec.vectors(2), 1, n_steps=n_steps, sampler=sampler)
    generator.backbone = GaussianDenoiser()
    return generator.sample(torch.zeros(1, 1), n_cells, rng=torch.Generator().manual_seed(0))[0]


@pytest.mark.parametrize("sampler", ["ddim", "ancestral"])
def test_sampler_draws_from_the_gaussian_whose_denoiser_is_known(sampler):
    cells = draw(256, sampler)
    standard_error = SD / math.sqrt(len(cells))
    assert ((cells.mean(0) - MEAN).abs() < 4 * standard_error).all()
    torch.testing.assert_close(cells.std(0), SD, rtol=0.03, atol=0)


@pytest.mark.parametrize("sampler", ["ddim", "ancestral"])
def test_default_steps_keep_the_spread(sampler):
    torch.testing.assert_close(draw(Diffusion(CellSpec.vectors(2), 1).n_steps, sampler).std(0), SD, rtol=0.08, atol=0)


def test_ddim_converges_at_first_order():
    # Per cell, under the same starting noise; the limit is the exact map of noise to cells.
    exact = draw(2048, "ddim", n_cells=50)
    errors = [(draw(n_steps, "ddim", n_cells=50) - exact).abs().mean() for n_steps in (32, 64, 128)]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(1, abs=0.15)
    assert math.log2(errors[1] / errors[2]) == pytest.approx(1, abs=0.15)


def test_exact_denoiser_has_the_least_loss():
    x, generator = MEAN + SD * torch.randn(200, 50, 2), Diffusion(CellSpec.vectors(2), 1)
    losses = []
    for offset in (-0.3, 0.0, 0.3):
        generator.backbone = GaussianDenoiser(offset)
        losses.append(generator.loss(x, torch.full((200, 50), 1 / 50), torch.zeros(200, 1)).mean().item())
    assert losses[0] == pytest.approx(losses[1] + 0.09, abs=0.03)
    assert losses[2] == pytest.approx(losses[1] + 0.09, abs=0.03)


def test_diffusion_refuses_an_unknown_sampler_and_no_steps():
    with pytest.raises(ValueError, match=r"`sampler` must be one of .*'ancestral', 'ddim'.*, got 'euler'"):
        Diffusion(CellSpec.vectors(2), 1, sampler="euler")
    with pytest.raises(ValueError, match="`n_steps` must be at least 1, got 0"):
        Diffusion(CellSpec.vectors(2), 1, n_steps=0)
