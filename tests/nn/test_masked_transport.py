from __future__ import annotations

import pytest
import torch

from scgde.nn.cells import CellSpec, Ends, Measure
from scgde.nn.transports import TRANSPORTS

N_CONTEXT = 3
SPEC = CellSpec("tokens", (6,), torch.uint8, 4)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def sequences(n_sets, n_cells):
    """Sequences of 1 to 6 of three letters, shape ``(n_sets, n_cells, 6)``."""
    x = torch.randint(1, 4, (n_sets, n_cells, 6))
    return (x * (torch.arange(6) < torch.randint(1, 7, (n_sets, n_cells, 1)))).to(torch.uint8)


def measure(x):
    return Measure(x, torch.full(x.shape[:2], 1 / x.shape[1]))


@pytest.fixture(params=[name for name in TRANSPORTS if "tokens" in TRANSPORTS[name].supports])
def transport(request, build, shake):
    """Make a transport of tokens."""
    return shake(build(TRANSPORTS[request.param], SPEC, N_CONTEXT)).eval()


@pytest.fixture
def ends():
    return Ends(torch.randn(4, N_CONTEXT), torch.randn(4, N_CONTEXT))


@torch.no_grad()
def test_path_starts_at_the_source_and_has_nothing_behind_the_end(transport, ends):
    source = sequences(4, 30)
    path = transport.push(source, ends, times=(0.0, 0.5, 1.0), rng=rng())
    assert torch.equal(path[0], source.long())
    assert (path[..., 0] > 0).all()
    assert ((path >= 0) & (path < 4)).all()
    assert not ((path[..., :-1] == 0) & (path[..., 1:] > 0)).any()
    # Half of the way, sequences are nearer to each end than these are to each other.
    apart = [(a != b).float().mean() for a, b in ((path[0], path[1]), (path[1], path[2]), (path[0], path[2]))]
    assert max(apart[:2]) < apart[2]


@torch.no_grad()
def test_push_depends_on_the_source_both_contexts_and_the_rng(transport, ends):
    source = sequences(4, 30)
    first = transport.push(source, ends, rng=rng(1))
    assert torch.equal(transport.push(source, ends, rng=rng(1)), first)
    others = [(source.flip(1), ends, 1), (source, ends, 2)]
    others += [(source, ends._replace(**{end: getattr(ends, end) + 1}), 1) for end in ("source", "target")]
    for x, context, seed in others:
        assert not torch.equal(transport.push(x, context, rng=rng(seed)), first)


def test_loss_has_gradients_and_ignores_other_pairs(transport, ends, without_gradient):
    # As many cells at both ends: partners are then not drawn.
    source, target = measure(sequences(4, 12)), measure(sequences(4, 12))
    loss = transport.loss(source, target, ends)
    loss.sum().backward()
    assert loss.shape == (4,)
    assert without_gradient(transport) == []
    changed = Measure(torch.cat([target.x[:1], sequences(3, 12)]), target.weights)
    torch.testing.assert_close(transport.loss(source, changed, ends)[0], loss[0])


def test_unknown_coupling_is_refused():
    with pytest.raises(ValueError, match="`coupling` must be one of"):
        TRANSPORTS["masked_flow"](SPEC, N_CONTEXT, coupling="nearest")


def test_shares_follow_the_target_and_what_need_not_change_is_kept():
    """Each sequence is one letter; the context is the share of two letters of three."""
    random = rng()

    def sets(n_sets, n_cells):
        shares = torch.rand(n_sets, 3, generator=random).mul(3).softmax(-1)
        letter = torch.multinomial(shares, n_cells, replacement=True, generator=random)
        return shares, (letter + 1)[..., None].expand(-1, -1, 4)

    spec = CellSpec("tokens", (4,), torch.uint8, 4)
    transport = TRANSPORTS["masked_flow"](spec, 3, n_hidden=16)
    optimizer = torch.optim.Adam(transport.parameters(), lr=1e-2)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 200)
    for _ in range(200):
        (start, x), (end, y) = sets(16, 12), sets(16, 12)
        optimizer.zero_grad()
        transport.loss(measure(x), measure(y), Ends(start, end)).mean().backward()
        optimizer.step()
        decay.step()
    (start, x), (end, _) = sets(12, 400), sets(12, 1)
    with torch.no_grad():
        [moved] = transport.eval().push(x, Ends(start, end), rng=rng())
    assert (moved == moved[..., :1]).all(-1).float().mean() > 0.95
    found = torch.stack([(moved[..., 0] == i).float().mean(-1) for i in (1, 2, 3)], dim=-1)
    assert (found - end).square().mean() < 0.15 * (start - end).square().mean()
    kept, possible = (moved == x).all(-1).float().mean(), torch.minimum(start, end).sum(-1).mean()
    by_chance = (start * end).sum(-1).mean()
    assert kept > by_chance + 0.5 * (possible - by_chance)
