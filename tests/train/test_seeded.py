from __future__ import annotations

import pytest
import torch

from scgde.train import seeded


def test_seeded_repeats_for_the_same_integers():
    draws = []
    for entropy in ((1, 2), (1, 2), (2, 1), (1, 3)):
        with seeded(*entropy):
            draws.append(torch.rand(4))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert not torch.equal(draws[0], draws[3])


def test_seeded_puts_the_random_state_back_also_after_an_error():
    before = torch.get_rng_state()
    with pytest.raises(RuntimeError, match="size"), seeded(0):
        torch.rand(3) + torch.rand(2)
    assert torch.equal(torch.get_rng_state(), before)


def test_seeded_can_be_nested():
    with seeded(1):
        torch.rand(1)
        expected = torch.rand(1)
    with seeded(1):
        torch.rand(1)
        with seeded(2):
            torch.rand(5)
        assert torch.equal(torch.rand(1), expected)
