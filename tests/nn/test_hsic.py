from __future__ import annotations

from itertools import permutations

import pytest
import torch

from scgde.nn.hsic import group_dependence, hsic


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def kernel(n, seed):
    x = normal(n, 3, seed=seed)
    return (-torch.cdist(x, x).square()).exp()


def test_hsic_is_the_u_statistic():
    """The mean over all ways to take four different sets, as the criterion is defined."""
    first, second = kernel(5, 0), kernel(5, 1)
    terms = [first[i, j] * (second[i, j] + second[q, r] - 2 * second[i, q]) for i, j, q, r in permutations(range(5), 4)]
    torch.testing.assert_close(hsic(first, second), torch.stack(terms).mean())


def test_dependence_is_zero_on_average_for_random_groups():
    z, groups = normal(24, 4), torch.arange(24) % 3
    rng = torch.Generator().manual_seed(1)
    values = torch.stack([group_dependence(z, groups[torch.randperm(24, generator=rng)]) for _ in range(400)])
    assert abs(float(values.mean())) < 4 * float(values.std()) / 20
    assert float(values.std()) < 0.1


def test_dependence_is_one_where_the_group_is_all_there_is():
    groups = torch.tensor([0, 0, 0, 1, 1, 2, 2, 2])
    corners = 100 * torch.eye(3, dtype=torch.float64)
    assert float(group_dependence(corners[groups], groups)) == pytest.approx(1, abs=1e-6)


def test_dependence_sees_spread_at_equal_means():
    groups = torch.arange(200) % 2
    z = normal(200, 2) * torch.where(groups == 0, 0.2, 1.0)[:, None]
    assert float(group_dependence(z - z.mean(0), groups)) > 0.05


def test_dependence_does_not_change_with_units_place_or_axes():
    z, groups = normal(20, 3), torch.arange(20) % 4
    turn = torch.linalg.qr(normal(3, 3, seed=5)).Q
    torch.testing.assert_close(group_dependence(50 * z @ turn + 7, groups), group_dependence(z, groups))


@pytest.mark.parametrize("groups", [[0, 1, 0], [0, 0, 0, 0, 0], [0, 1, 2, 3, 4]], ids=["few", "one", "all differ"])
def test_dependence_is_zero_where_it_cannot_be_seen(groups):
    z = normal(len(groups), 2).requires_grad_()
    value = group_dependence(z, torch.tensor(groups))
    value.backward()
    assert float(value.detach()) == 0
    assert not z.grad.any()


def test_dependence_has_a_gradient_where_sets_are_the_same():
    z = torch.zeros(6, 2, dtype=torch.float64, requires_grad=True)
    group_dependence(z, torch.arange(6) % 2).backward()
    assert z.grad.isfinite().all()
