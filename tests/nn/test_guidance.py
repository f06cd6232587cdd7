from __future__ import annotations

import pytest
import torch

from scgde.nn.cells import CellSpec
from scgde.nn.generators import Autoregressive

N_CONTEXT, N_VALUES = 3, 5
ONE_LETTER = CellSpec("tokens", (1,), torch.uint8, N_VALUES)
LONG = CellSpec("tokens", (7,), torch.uint8, N_VALUES)


@pytest.fixture
def make(build, shake):
    """Make two generators of the same weights: with guidance, and without."""

    def pair(spec, guidance):
        guided, plain = (shake(build(Autoregressive, spec, N_CONTEXT, guidance=w)).eval() for w in (guidance, 0.0))
        plain.load_state_dict({k: v for k, v in guided.state_dict().items() if k != "mean_context"})
        guided.mean_context.copy_(torch.randn(N_CONTEXT))
        return guided, plain

    return pair


@torch.no_grad()
def test_letters_are_drawn_by_the_ratio_of_probabilities(make):
    guided, plain = make(ONE_LETTER, 1.5)
    context = torch.randn(2, N_CONTEXT)
    letters = torch.arange(1, N_VALUES)[None, :, None].expand(2, -1, -1)
    own, mean = (plain.log_prob(letters, given) for given in (context, guided.mean_context.expand(2, -1)))
    expected = (own + 1.5 * (own - mean)).softmax(-1)
    drawn = guided.sample(context, 20_000, rng=torch.Generator().manual_seed(0))
    frequency = (drawn == letters[:, None, :, 0]).double().mean(1)
    assert (frequency - expected).abs().max() < 0.015
    assert (frequency - own.exp()).abs().max() > 0.05


@torch.no_grad()
def test_a_set_at_the_mean_is_drawn_as_without_guidance(make):
    guided, plain = make(LONG, 2.0)
    context = guided.mean_context[None]
    drawn = [one.sample(context, 50, rng=torch.Generator().manual_seed(0)) for one in (guided, plain)]
    assert torch.equal(*drawn)


@torch.no_grad()
def test_likelihoods_are_those_without_guidance(make):
    guided, plain = make(LONG, 2.0)
    context = torch.randn(2, N_CONTEXT)
    x = plain.sample(context, 6)
    torch.testing.assert_close(guided.log_prob(x, context), plain.log_prob(x, context))


def test_mean_context_follows_training_sets_only(build):
    generator = build(Autoregressive, LONG, N_CONTEXT, guidance=1.0)
    x, weights = torch.ones(2, 3, 7, dtype=torch.uint8), torch.full((2, 3), 1 / 3)
    context = torch.tensor([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])
    generator.eval().loss(x, weights, context)
    assert not generator.mean_context.any()
    for _ in range(400):
        generator.train().loss(x, weights, context)
    torch.testing.assert_close(generator.mean_context, torch.full((3,), 2.0), atol=0.01, rtol=0)


def test_refuses_negative_guidance(build):
    with pytest.raises(ValueError, match="`guidance` must be zero or positive"):
        build(Autoregressive, LONG, N_CONTEXT, guidance=-1)
