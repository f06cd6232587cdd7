from __future__ import annotations

import pytest
import torch

from scgde.nn.layers import weighted_mean
from scgde.nn.reliability import Reliability, halves, n_effective


def reliability_of_means(x: torch.Tensor) -> Reliability:
    """Of the means of sets with cells ``(S, M, K)`` of equal weight."""
    weights = torch.full(x.shape[:2], 1 / x.shape[1], dtype=x.dtype)
    whole, first, second = (weighted_mean(x, part) for part in (weights, *halves(weights)))
    return Reliability.of(whole, first, second, n_effective(weights))


@pytest.mark.parametrize("n_cells", [2, 6, 50])
def test_reliability_of_means_is_the_share_of_signal(n_cells):
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(5000, 1, 2, generator=rng) + 2 * torch.randn(5000, n_cells, 2, generator=rng)
    found = reliability_of_means(x.double())
    signal = 1.1  # with the prior
    assert found.share.tolist() == pytest.approx([signal / (signal + 4 / n_cells)] * 2, abs=0.04)
    assert found.noise.tolist() == pytest.approx([2 / n_cells**0.5] * 2, rel=0.05)


def test_noise_is_that_of_a_set_of_median_size():
    rng = torch.Generator().manual_seed(0)
    sizes = torch.tensor([4, 4, 100, 100, 100] * 400)
    noise = torch.randn(2, 2000, 1, generator=rng) / sizes.sqrt()[:, None]
    signal = 0.1 * torch.randn(2000, 1, generator=rng)
    first, second = signal + 2**0.5 * noise
    found = Reliability.of((first + second) / 2, first, second, sizes)
    assert found.noise.item() == pytest.approx(0.1, rel=0.1)


def test_where_sets_do_not_differ_other_coordinates_tell_what_may_be_expected():
    rng = torch.Generator().manual_seed(0)
    spread = torch.tensor([1.0, 0.0])
    large, tiny = (
        reliability_of_means(spread * torch.randn(2000, 1, 2, generator=rng) + torch.randn(2000, n, 2, generator=rng))
        for n in (2000, 2)
    )
    assert large.share[1] > 0.95
    assert tiny.share[1] < 0.2


def test_single_cells_tell_nothing():
    found = reliability_of_means(torch.randn(10, 1, 3))
    assert not found.share.any()


def test_what_does_not_vary_is_kept():
    assert reliability_of_means(torch.ones(4, 6, 2)).share.tolist() == [1, 1]


def test_halves_hold_each_cell_once():
    weights = torch.tensor([[0.2, 0.3, 0.5, 0.0], [1.0, 0.0, 0.0, 0.0]])
    first, second = halves(weights)
    torch.testing.assert_close(first, torch.tensor([[0.2 / 0.7, 0, 0.5 / 0.7, 0], [1, 0, 0, 0]]))
    torch.testing.assert_close(second, torch.tensor([[0.0, 1, 0, 0], [0, 0, 0, 0]]))
    torch.testing.assert_close(n_effective(weights), torch.tensor([1 / 0.38, 1.0]))
