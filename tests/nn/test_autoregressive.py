from __future__ import annotations

import itertools

import pytest
import torch

from scgde.nn.cells import CellSpec
from scgde.nn.dilated_convolutions import DilatedConvolutions, layers_in_reach
from scgde.nn.generators import GENERATORS, Autoregressive

N_CONTEXT = 3
PLAIN = CellSpec("tokens", (6,), torch.uint8, 4)
#: The last two of six tokens stand at the first position only.
WITH_FIRST = CellSpec("tokens", (5,), torch.uint8, 6, 2)
NAMES = [name for name in GENERATORS if "tokens" in GENERATORS[name].supports]
EXACT = [name for name in NAMES if not GENERATORS[name].likelihood_is_bound]


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(params=NAMES)
def make(request, build, shake):
    """Make a generator of tokens."""
    return lambda spec=PLAIN: shake(build(GENERATORS[request.param], spec, N_CONTEXT)).eval()


@pytest.fixture(params=EXACT)
def make_exact(request, build, shake):
    """Make a generator of tokens whose likelihood is exact."""
    return lambda spec=PLAIN: shake(build(GENERATORS[request.param], spec, N_CONTEXT)).eval()


@pytest.fixture
def context():
    return torch.randn(4, N_CONTEXT)


@pytest.fixture
def draw():
    """Draw sequences that end, or do not, of a spec."""

    def sequences(spec, n_cells=6):
        n_letters = spec.n_values - spec.n_first - 1
        x = torch.randint(1, n_letters + 1, (4, n_cells, *spec.shape))
        if spec.n_first:
            x[..., 0] = torch.randint(n_letters + 1, spec.n_values, x.shape[:-1])
        ends = torch.randint(2, x.shape[-1] + 1, (*x.shape[:-1], 1))
        return (x * (torch.arange(x.shape[-1]) < ends)).to(spec.dtype)

    return sequences


def all_sequences(spec, n_letters):
    """Every sequence of a spec, shape ``(1, n, L)``."""
    length = spec.shape[0]
    front = range(n_letters + 1, spec.n_values) if spec.n_first else [None]
    rest = length - bool(spec.n_first)
    rows = []
    for head, size in itertools.product(front, range(1, rest + 1)):
        for letters in itertools.product(range(1, n_letters + 1), repeat=size):
            row = [*([] if head is None else [head]), *letters]
            rows.append(row + [0] * (length - len(row)))
    return torch.tensor(rows)[None]


@pytest.mark.parametrize("spec", [PLAIN, WITH_FIRST], ids=["plain", "first"])
@torch.no_grad()
def test_probabilities_of_all_sequences_sum_to_one(make_exact, spec):
    spec = spec._replace(shape=(4,))
    x = all_sequences(spec, n_letters=spec.n_values - spec.n_first - 1)
    probability = make_exact(spec).double().log_prob(x, torch.randn(1, N_CONTEXT, dtype=torch.float64)).exp()
    assert float(probability.sum()) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("spec", [PLAIN, WITH_FIRST], ids=["plain", "first"])
@torch.no_grad()
def test_frequency_of_drawn_sequences_is_their_probability(make_exact, spec):
    spec = spec._replace(shape=(2,))
    generator, context = make_exact(spec), torch.randn(1, N_CONTEXT)
    x = all_sequences(spec, n_letters=3)
    drawn = generator.sample(context, 20_000, rng=rng())
    frequency = (drawn[0, :, None] == x).all(-1).float().mean(0)
    torch.testing.assert_close(frequency, generator.log_prob(x, context)[0].exp(), atol=0.015, rtol=0)
    assert float(frequency.sum()) == pytest.approx(1)


@pytest.mark.parametrize("spec", [PLAIN, WITH_FIRST], ids=["plain", "first"])
@torch.no_grad()
def test_sample_has_only_letters_with_nothing_behind_the_end(make, spec, context):
    x = make(spec).sample(context, 200, rng=rng())
    n_letters = spec.n_values - spec.n_first - 1
    front = 1 if spec.n_first else 0
    assert x.shape == (4, 200, *spec.shape)
    assert ((x[..., :front] > n_letters) & (x[..., :front] < spec.n_values)).all()
    assert ((x[..., front:] >= 0) & (x[..., front:] <= n_letters)).all()
    assert (x[..., front] > 0).all()
    assert not ((x[..., :-1] == 0) & (x[..., 1:] > 0)).any()


@torch.no_grad()
def test_what_is_behind_the_end_has_no_influence(make, draw, context):
    x = draw(PLAIN).long()
    noise = torch.where((x == 0).cumsum(-1) > 1, torch.randint(4, x.shape), x)
    generator = make()
    torch.testing.assert_close(generator.log_prob(noise, context), generator.log_prob(x, context))


@torch.no_grad()
def test_loss_is_nats_per_token(make_exact, draw, context):
    x, weights = draw(PLAIN), torch.rand(4, 6).softmax(-1)
    generator = make_exact()
    n_tokens = ((x > 0).sum(-1) + 1).clamp_max(6)
    expected = -(generator.log_prob(x, context) * weights).sum(-1) / (n_tokens * weights).sum(-1)
    torch.testing.assert_close(generator.loss(x, weights, context), expected)


def test_every_parameter_and_context_gets_a_gradient(make, draw, context, without_gradient):
    for spec in (PLAIN, WITH_FIRST):
        generator, z = make(spec), context.clone().requires_grad_()
        generator.loss(draw(spec, 20), torch.full((4, 20), 1 / 20), z).sum().backward()
        assert without_gradient(generator) == []
        assert z.grad.isfinite().all()
        assert z.grad.any(-1).all()


@torch.no_grad()
def test_cells_of_weight_zero_and_other_sets_have_no_influence(make, draw, context):
    x, other, weights = draw(PLAIN), draw(PLAIN), torch.rand(4, 6).softmax(-1)
    weights[:, 4:] = 0
    generator = make()
    loss = generator.loss(x, weights, context)
    replaced = torch.cat([x[:, :4], other[:, 4:]], dim=1)
    torch.testing.assert_close(generator.loss(replaced, weights, context), loss)
    others = torch.cat([x[:1], other[1:]])
    torch.testing.assert_close(generator.loss(others, weights, context)[0], loss[0])


@torch.no_grad()
def test_cells_of_weight_zero_and_other_sets_may_be_missing(make_exact, draw, context):
    x, other, weights = draw(PLAIN), draw(PLAIN), torch.rand(4, 6).softmax(-1)
    generator = make_exact()
    loss = generator.loss(x, weights, context)
    padded = torch.cat([x, other[:, :2]], dim=1), torch.cat([weights, torch.zeros(4, 2)], dim=1)
    torch.testing.assert_close(generator.loss(*padded, context), loss)
    torch.testing.assert_close(generator.loss(x[:1], weights[:1], context[:1]), loss[:1])


@torch.no_grad()
def test_sample_depends_on_rng_and_context_only(make, context, reseed):
    generator, state = make(), torch.get_rng_state()
    first = generator.sample(context, 20, rng=rng(1))
    assert torch.equal(torch.get_rng_state(), state)
    reseed(99)
    assert torch.equal(generator.sample(context, 20, rng=rng(1)), first)
    assert not torch.equal(generator.sample(context, 20, rng=rng(2)), first)
    assert not torch.equal(generator.sample(context + 1, 20, rng=rng(1)), first)


@torch.no_grad()
def test_common_random_numbers_keep_most_tokens_where_the_context_moves_little(make, context):
    generator = make()
    first, near, other = (
        generator.sample(z, 200, rng=rng(seed)) for z, seed in ((context, 1), (context + 0.01, 1), (context, 2))
    )
    assert (first == near).float().mean() > 0.95
    assert (first == other).float().mean() < 0.7


def test_sample_refuses_contexts_of_other_dimensions(make):
    with pytest.raises(ValueError, match=rf"`context` must have shape \(sets, {N_CONTEXT}\), got"):
        make().sample(torch.zeros(4, N_CONTEXT + 1), 5)


@torch.no_grad()
def test_start_has_the_frequency_of_tokens_by_position():
    spec = CellSpec("tokens", (3,), torch.uint8, 3)
    generator = Autoregressive(spec, 1, n_hidden=4)
    torch.nn.init.zeros_(generator.logits.weight)
    torch.nn.init.zeros_(generator.logits.bias)
    rows = torch.tensor([[1, 2, 0]] * 300 + [[1, 1, 2]] * 600 + [[2, 0, 0]] * 100, dtype=torch.uint8)
    generator.init_from(iter(rows.split(128)))
    x = torch.tensor([[[1, 2, 0], [2, 1, 1]]])
    often, never = generator.log_prob(x, torch.zeros(1, 1)).exp()[0].tolist()
    assert often == pytest.approx(0.9 * (3 / 10) * (3 / 9), rel=0.02)
    assert 0 < never < 1e-3


def test_learns_how_sets_differ_in_composition_and_order():
    """Letters of a set have shares by its context, and each may only be followed by itself or the next."""
    spec, generator_rng = CellSpec("tokens", (5,), torch.uint8, 4), rng()

    def sets(n_sets, n_cells):
        shares = torch.rand(n_sets, 3, generator=generator_rng).mul(3).softmax(-1)
        first = torch.multinomial(shares, n_cells, replacement=True, generator=generator_rng)
        steps = torch.randint(2, (n_sets, n_cells, 4), generator=generator_rng).cumsum(-1)
        return shares, torch.cat([first[..., None], (first[..., None] + steps) % 3], dim=-1) + 1

    generator = Autoregressive(spec, 3, n_hidden=16, n_layers=1)
    optimizer = torch.optim.Adam(generator.parameters(), lr=1e-2)
    for _ in range(200):
        shares, x = sets(32, 8)
        optimizer.zero_grad()
        generator.loss(x, torch.full((32, 8), 1 / 8), shares).mean().backward()
        optimizer.step()
    shares, _ = sets(20, 8)
    with torch.no_grad():
        x = generator.sample(shares, 400, rng=rng())
    found = torch.stack([(x[..., 0] == i).float().mean(-1) for i in (1, 2, 3)], dim=-1)
    assert (found - shares).square().mean() < 0.1 * (shares - shares.mean(0)).square().mean()
    steps = (x[..., 1:] - x[..., :-1]) % 3
    assert ((steps <= 1) & (x[..., 1:] > 0)).float().mean() > 0.97


@pytest.mark.parametrize("n_layers", [1, 3])
@torch.no_grad()
def test_steps_with_kept_states_are_the_parallel_pass(n_layers, shake):
    network = shake(DilatedConvolutions(8, N_CONTEXT, n_layers=n_layers)).double()
    state, context = torch.randn(2, 3, 9, 8).double(), torch.randn(2, N_CONTEXT).double()
    kept, steps = network.start(2, 3, state), []
    for i in range(9):
        output, kept = network.step(state[:, :, i : i + 1], kept, context)
        steps.append(output)
    torch.testing.assert_close(torch.cat(steps, dim=2), network(state, context))


@torch.no_grad()
def test_causal_network_sees_nothing_behind_a_position(shake):
    network, state, context = shake(DilatedConvolutions(8, 3, n_layers=2)), torch.randn(2, 3, 9, 8), torch.randn(2, 3)
    changed = state.clone()
    changed[:, :, 5:] = 7.0
    torch.testing.assert_close(network(changed, context)[:, :, :5], network(state, context)[:, :, :5])
    # Two layers reach six positions back.
    changed = state.clone()
    changed[:, :, 2] = 7.0
    moved = (network(changed, context) - network(state, context)).abs().amax((0, 1, 3)) > 1e-6
    assert moved.tolist() == [False, False, True, True, True, True, True, True, True]


@pytest.mark.parametrize(("length", "layers"), [(1, 1), (3, 1), (4, 2), (15, 3), (16, 4), (1000, 5)])
def test_layers_reach_from_the_last_position_to_the_first(length, layers):
    assert layers_in_reach(length, at_most=5) == layers
