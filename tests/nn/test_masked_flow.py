from __future__ import annotations

import itertools
import math

import pytest
import torch

from scgde.nn.cells import CellSpec
from scgde.nn.generators import MaskedFlow
from scgde.nn.unmasking import Unmasking, random_masks

N_CONTEXT = 2
#: Sequences of up to three of two letters, and of one of two first tokens and up to two of two letters.
PLAIN, WITH_FIRST = CellSpec("tokens", (3,), torch.uint8, 3), CellSpec("tokens", (3,), torch.uint8, 5, 2)
SPECS = pytest.mark.parametrize("spec", [PLAIN, WITH_FIRST], ids=["plain", "first"])
ORDERS = list(itertools.permutations(range(3)))


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def make(shake):
    """Make a masked flow whose parameters are not those of the start."""

    def flow(spec, **options):
        return shake(shake(MaskedFlow(spec, N_CONTEXT, n_hidden=8, n_layers=1, **options))).eval()

    return flow


def all_sequences(spec):
    """Every sequence of a spec, shape ``(1, n, 3)``."""
    heads = [3, 4] if spec.n_first else [1, 2]
    rows = [(head, *rest) for head in heads for rest in itertools.product(range(3), repeat=2)]
    known = [row for row in rows if not (row[1] == 0 and (row[2] > 0 or spec.n_first))]
    return torch.tensor(known)[None]


@torch.no_grad()
def log_prob_by_order(flow, x, context):
    """Log probability when tokens are filled in one by one, for each order, shape ``(6, n)``."""
    found = []
    for order in ORDERS:
        total, masked = torch.zeros(x.shape[1]), torch.ones(x.shape, dtype=torch.bool)
        for position in order:
            seen = flow.unmasking._hide(x, masked)
            log_prob = flow.unmasking._logits(seen, context, None).log_softmax(-1).gather(-1, x[..., None])[0, ..., 0]
            total += torch.where(seen[0, :, position] == flow.unmasking.hidden, log_prob[:, position], 0.0)
            masked[..., position] = False
        found.append(total)
    return torch.stack(found)


@SPECS
def test_probabilities_of_all_sequences_sum_to_one_in_every_order(make, spec):
    found = log_prob_by_order(make(spec), all_sequences(spec), torch.randn(1, N_CONTEXT))
    torch.testing.assert_close(found.exp().sum(-1), torch.ones(6))


@SPECS
@torch.no_grad()
def test_bound_is_the_mean_log_probability_over_orders(make, spec):
    flow, x, context = make(spec, n_masks=2), all_sequences(spec), torch.randn(1, N_CONTEXT)
    by_order = log_prob_by_order(flow, x, context)
    exact = by_order.logsumexp(0) - math.log(len(ORDERS))
    copies = flow.log_prob(x.repeat(1, 3000, 1), context).unflatten(1, (3000, -1))
    torch.testing.assert_close(copies.mean((0, 1)), by_order.mean(0), atol=0.06, rtol=0)
    assert (by_order.mean(0) <= exact).all()
    # Here orders differ in probability, so that there is a gap.
    assert (exact - by_order.mean(0)).max() > 0.01


@SPECS
@torch.no_grad()
def test_frequency_of_drawn_sequences_is_their_mean_probability_over_orders(make, spec):
    flow, x, context = make(spec), all_sequences(spec), torch.randn(1, N_CONTEXT)
    drawn = flow.sample(context, 20_000, rng=rng())
    frequency = (drawn[0, :, None] == x).all(-1).float().mean(0)
    expected = log_prob_by_order(flow, x, context).exp().mean(0)
    torch.testing.assert_close(frequency, expected, atol=0.015, rtol=0)
    assert float(frequency.sum()) == pytest.approx(1)


@pytest.mark.parametrize("n_steps", [1, 2, 7, 50])
@torch.no_grad()
def test_filling_in_keeps_the_tokens_that_are_given(shake, n_steps):
    network = shake(Unmasking(CellSpec("tokens", (12,), torch.uint8, 5), N_CONTEXT, n_hidden=8))
    x = torch.randint(1, 5, (2, 50, 12)) * (torch.arange(12) < torch.randint(1, 13, (2, 50, 1)))
    masked = torch.rand(x.shape) < 0.5
    filled = network.fill(x, masked, torch.randn(2, N_CONTEXT), n_steps=n_steps, rng=rng())
    kept = ~masked & (x > 0)
    assert (filled[kept] == x[kept]).all()
    assert (filled != x).any()
    ended = (filled == 0).cumsum(-1) > 0
    assert (filled[ended] == 0).all()
    # An end that is given stays the last position where one can be.
    assert (filled[~masked & (x == 0)] == 0).all()
    nothing = network.fill(x, torch.zeros_like(masked), torch.randn(2, N_CONTEXT), n_steps=n_steps)
    torch.testing.assert_close(nothing, x)


def test_shares_of_masks_are_uniform_and_exact():
    masked, share = random_masks((3, 200, 5), rng=rng())
    torch.testing.assert_close(masked.float().mean(-1), share)
    for value in (0.2, 0.4, 0.6, 0.8, 1.0):
        assert (share == torch.tensor(value)).float().mean(-1) == pytest.approx([0.2] * 3, abs=0.01)
    torch.testing.assert_close(masked.float().mean((0, 1)), torch.full((5,), 0.6), atol=0.06, rtol=0)


def test_loss_in_evaluation_is_the_same_each_time(make):
    flow, x = make(PLAIN), all_sequences(PLAIN)
    weights, context = torch.full(x.shape[:2], 1 / x.shape[1]), torch.zeros(1, N_CONTEXT)
    assert torch.equal(flow.loss(x, weights, context), flow.loss(x, weights, context))
    flow.train()
    assert not torch.equal(flow.loss(x, weights, context), flow.loss(x, weights, context))


def test_loss_comes_down_to_the_entropy_of_what_is_to_be_learnt():
    """Two letters are equal, or both are different from them by the sign of the context."""
    spec, random = CellSpec("tokens", (4,), torch.uint8, 5), rng()

    def batch():
        context = torch.randint(2, (16, 1), generator=random).float()
        first = torch.randint(1, 3, (16, 16, 1), generator=random) + 2 * context[:, None].long()
        return first.expand(-1, -1, 4), context

    flow = MaskedFlow(spec, 1, n_hidden=16, n_layers=2)
    optimizer = torch.optim.Adam(flow.parameters(), lr=1e-2)
    for _ in range(150):
        x, context = batch()
        optimizer.zero_grad()
        flow.loss(x, torch.full((16, 16), 1 / 16), context).mean().backward()
        optimizer.step()
    x, context = batch()
    with torch.no_grad():
        nats = -flow.eval().log_prob(x, context).mean()
        drawn = flow.sample(torch.tensor([[0.0], [1.0]]), 500, rng=rng())
    assert float(nats) == pytest.approx(math.log(2), abs=0.15)
    assert (drawn == drawn[..., :1]).all(-1).float().mean() > 0.97
    assert ((drawn[0] <= 2) & (drawn[1] >= 3)).float().mean() > 0.97
