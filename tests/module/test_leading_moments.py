from __future__ import annotations

import pytest
import torch

from scgde.module._leading_moments import LeadingMoments
from scgde.nn.linear_core import LinearCore

N_FEATURES = 20


@pytest.fixture
def cells() -> torch.Tensor:
    """Sets that differ in their means, and in the width of all axes behind the first ones."""
    rng = torch.Generator().manual_seed(0)
    mean = 2 * torch.randn(30, 1, N_FEATURES, generator=rng)
    width = torch.linspace(0.5, 1.5, 30)[torch.randperm(30, generator=rng)]
    x = torch.randn(30, 200, N_FEATURES, generator=rng)
    x[..., 4:] *= width[:, None, None]
    return x + mean


def fitted(cells: torch.Tensor, n_core: int = 40) -> tuple[LeadingMoments, torch.Tensor]:
    """What is seen of the sets, and their moments."""
    weights, core = torch.full(cells.shape[:2], 1 / cells.shape[1]), LinearCore(N_FEATURES, n_core)
    core.fit(iter(cells), [(cells, weights)])
    leading, moments = LeadingMoments(core), core(cells, weights)
    leading.fit(moments, core)
    return leading, moments


def test_training_sets_have_unit_variance(cells):
    leading, moments = fitted(cells)
    seen = leading(moments)
    assert seen.shape == (30, 6)
    inside = (seen.abs() < 3).all(0)
    torch.testing.assert_close(seen.std(0, correction=0)[inside], torch.ones(int(inside.sum())))


def test_units_of_the_cells_do_not_matter(cells):
    seen = [leading(moments) for leading, moments in (fitted(cells), fitted(100 * cells))]
    torch.testing.assert_close(*seen, rtol=1e-3, atol=1e-3)


def test_last_one_is_the_mean_log_width_of_the_axes_behind_the_leading_ones(cells):
    leading, moments = fitted(cells)
    width = cells[..., 4:].std(1).log().mean(1)
    assert torch.corrcoef(torch.stack([leading(moments)[:, -1], width]))[0, 1] > 0.99


def test_moments_beyond_those_of_training_are_bounded(cells):
    leading, moments = fitted(cells)
    assert leading(100 * moments).abs().max() == 3


@pytest.mark.parametrize(("core", "n_seen"), [(None, 0), (LinearCore(N_FEATURES, 3), 4), (LinearCore(5, 10), 5)])
def test_no_more_are_seen_than_there_are(core, n_seen):
    leading = LeadingMoments(core)
    assert leading(torch.ones(2, 0 if core is None else core.n_output)).shape == (2, n_seen)
