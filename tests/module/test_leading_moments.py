from __future__ import annotations

import pytest
import torch

from scgde.module._leading_moments import LeadingMoments


@pytest.fixture
def core() -> torch.Tensor:
    return torch.randn(40, 8, generator=torch.Generator().manual_seed(0)) * torch.arange(8, 0, -1)


def test_training_sets_have_unit_variance(core):
    moments = LeadingMoments(8)
    core = core.clamp(-1, 1)
    moments.fit(core)
    torch.testing.assert_close(moments(core).std(0, correction=0), torch.ones(5))


def test_units_of_moments_do_not_matter(core):
    seen = []
    for unit in (1.0, 1000.0):
        moments = LeadingMoments(8)
        moments.fit(unit * core)
        seen.append(moments(unit * core))
    torch.testing.assert_close(*seen)


def test_moments_beyond_those_of_training_are_bounded(core):
    moments = LeadingMoments(8)
    moments.fit(core)
    assert moments(100 * core).abs().max() == 3


@pytest.mark.parametrize("n_core", [0, 3])
def test_no_more_are_seen_than_there_are(n_core):
    assert LeadingMoments(n_core)(torch.ones(2, n_core)).shape == (2, n_core)
