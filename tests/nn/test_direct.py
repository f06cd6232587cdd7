from __future__ import annotations

import pytest
import torch
from torch import nn

from scgde.nn.generators import MMD, Energy, Sinkhorn, SlicedWasserstein

N_CELLS = 8
DIRECT = [Energy, MMD, Sinkhorn, SlicedWasserstein]


class Widen(nn.Module):
    """Added to the noise, it makes cells from N(0, sd ** 2)."""

    def __init__(self, sd):
        super().__init__()
        self.sd = nn.Parameter(torch.tensor(sd))

    def forward(self, x, time, context):
        return (self.sd - 1) * x


@pytest.fixture(params=DIRECT, ids=lambda cls: cls.__name__)
def generator(request):
    return request.param(1, 1)


@pytest.fixture
def slopes(generator, reseed):
    """Slope of the loss in the standard deviation of the generated cells, one per set, for targets from N(0, 1)."""

    def compute(sd, *, weights=None):
        reseed(1)
        x = torch.randn(3000, N_CELLS, 1)
        weights = torch.full((3000, N_CELLS), 1 / N_CELLS) if weights is None else weights.expand(3000, -1)
        values = []
        for width in (sd - 0.05, sd + 0.05):
            generator.backbone = Widen(width)
            reseed(2)
            with torch.no_grad():
                values.append(generator.loss(x, weights, torch.zeros(3000, 1)))
        return (values[1] - values[0]) / 0.1

    return compute


def is_zero_on_average(values):
    return values.mean().abs() < 4 * values.std() / len(values) ** 0.5


def test_loss_of_small_sets_is_least_at_the_spread_of_the_target(slopes):
    assert is_zero_on_average(slopes(1.0))
    assert slopes(0.7).mean() < 0 < slopes(1.4).mean()


def test_loss_of_weighted_sets_is_least_at_the_spread_of_the_target(slopes):
    assert is_zero_on_average(slopes(1.0, weights=torch.tensor([0.3, 0.3, 0.2, 0.1, 0.1, 0.0, 0.0, 0.0])))


@pytest.mark.parametrize("cls", [Sinkhorn, SlicedWasserstein])
def test_divergence_from_small_sets_alone_would_make_generated_cells_too_narrow(cls, reseed):
    # What the loss mends: cells that come as near as they can to a draw of 8 are narrower than the population.
    generator, x = cls(1, 1), torch.randn(3000, N_CELLS, 1)
    weights, values = torch.full((3000, N_CELLS), 1 / N_CELLS), []
    for sd in (0.95, 1.05):
        reseed(2)
        values.append(generator.divergence(sd * torch.randn_like(x), weights, x, weights, torch.ones(3000)))
    slope = (values[1] - values[0]) / 0.1
    assert slope.mean() > 10 * slope.std() / 3000**0.5


def test_loss_averages_to_zero_between_equal_populations():
    for generator in (Energy(1, 1), SlicedWasserstein(1, 1)):
        generator.backbone = Widen(1.0)
        x = torch.randn(3000, N_CELLS, 1)
        loss = generator.loss(x, torch.full((3000, N_CELLS), 1 / N_CELLS), torch.zeros(3000, 1))
        assert is_zero_on_average(loss)


def test_sinkhorn_and_sliced_refuse_options_out_of_range():
    with pytest.raises(ValueError, match="`epsilon` must be positive and finite, got 0"):
        Sinkhorn(2, 1, epsilon=0)
    with pytest.raises(ValueError, match="`n_directions` must be at least 1, got 0"):
        SlicedWasserstein(2, 1, n_directions=0)
