from __future__ import annotations

import pytest
import torch
from torch import nn

from scgde.nn.cells import CellSpec
from scgde.nn.generators import MMD, Energy, Sinkhorn, SlicedWasserstein

N_CELLS, N_SETS = 8, 1500
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
    # One direction is all that a line has.
    return request.param(CellSpec.vectors(1), 1, **({"n_directions": 1} if request.param is SlicedWasserstein else {}))


@pytest.fixture
def slopes(generator, reseed):
    """Slope of the loss in the standard deviation of the generated cells, one per set, for targets from N(0, 1)."""

    def compute(sd, *, weights=None):
        reseed(1)
        x = torch.randn(N_SETS, N_CELLS, 1)
        weights = torch.full((N_SETS, N_CELLS), 1 / N_CELLS) if weights is None else weights.expand(N_SETS, -1)
        values = []
        for width in (sd - 0.05, sd + 0.05):
            generator.backbone = Widen(width)
            reseed(2)
            with torch.no_grad():
                values.append(generator.loss(x, weights, torch.zeros(N_SETS, 1)))
        return (values[1] - values[0]) / 0.1

    return compute


def is_zero_on_average(values):
    return values.mean().abs() < 4 * values.std() / len(values) ** 0.5


def test_loss_of_small_sets_is_least_at_the_spread_of_the_target(slopes):
    assert is_zero_on_average(slopes(1.0))
    assert slopes(0.8).mean() < 0 < slopes(1.25).mean()


def test_loss_of_weighted_sets_is_least_near_the_spread_of_the_target(slopes):
    weights = torch.tensor([0.25, 0.25, 0.2, 0.1, 0.1, 0.1, 0.0, 0.0])
    assert slopes(0.8, weights=weights).mean() < 0 < slopes(1.25, weights=weights).mean()


@pytest.mark.parametrize("cls", [Sinkhorn, SlicedWasserstein])
def test_divergence_from_small_sets_alone_would_make_generated_cells_too_narrow(cls, reseed):
    # What the loss mends: cells that come as near as they can to a draw of 8 are narrower than the population.
    generator, x = cls(CellSpec.vectors(1), 1), torch.randn(N_SETS, N_CELLS, 1)
    weights, values = torch.full((N_SETS, N_CELLS), 1 / N_CELLS), []
    for sd in (0.95, 1.05):
        reseed(2)
        values.append(generator.divergence(sd * torch.randn_like(x), weights, x, weights, torch.ones(N_SETS)))
    slope = (values[1] - values[0]) / 0.1
    assert slope.mean() > 10 * slope.std() / N_SETS**0.5


def test_sinkhorn_and_sliced_refuse_options_out_of_range():
    with pytest.raises(ValueError, match="`epsilon` must be positive and finite, got 0"):
        Sinkhorn(CellSpec.vectors(2), 1, epsilon=0)
    with pytest.raises(ValueError, match="`n_directions` must be at least 1, got 0"):
        SlicedWasserstein(CellSpec.vectors(2), 1, n_directions=0)
