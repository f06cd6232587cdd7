from __future__ import annotations

import pytest
import torch

from scgde.metrics import mmd
from scgde.nn.encoders import KernelMean


def test_kernel_mean_distances_before_the_map_approach_mmd() -> None:
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(2, 50, 3, generator=rng) + torch.tensor([[[0.0]], [[1.0]]])
    weights = torch.rand(2, 50, generator=rng).softmax(-1)
    encoder = KernelMean(3, 4, n_features=20_000, bandwidth=2.0)
    first, second = torch.einsum("smh,sm->sh", encoder.lift(x), weights)
    expected = mmd(x[0].numpy(), x[1].numpy(), bandwidth=2.0, x_weights=weights[0], y_weights=weights[1])
    assert (first - second).square().sum().item() == pytest.approx(expected, rel=0.05)


def test_kernel_mean_is_linear_in_the_weights() -> None:
    x = torch.randn(1, 10, 3, generator=torch.Generator().manual_seed(0))
    one, other = torch.eye(10)[:1], torch.full((1, 10), 0.1)
    encoder = KernelMean(3, 4)
    mixed = encoder(x, 0.3 * one + 0.7 * other)
    torch.testing.assert_close(mixed, 0.3 * encoder(x, one) + 0.7 * encoder(x, other))


def test_kernel_mean_keeps_its_features_in_its_state() -> None:
    x, weights = torch.ones(1, 2, 3), torch.full((1, 2), 0.5)
    first, second = KernelMean(3, 4), KernelMean(3, 4)
    assert not torch.equal(first(x, weights), second(x, weights))
    second.load_state_dict(first.state_dict())
    torch.testing.assert_close(first(x, weights), second(x, weights))
