from __future__ import annotations

import pytest
import torch
from torch import nn

from scgde.nn.cells import CellSpec, Ends, Measure
from scgde.nn.transports import TRANSPORTS, FlowMatching
from scgde.nn.transports._partners import partners

N_FEATURES, N_CONTEXT = 2, 3
SPEC = CellSpec.vectors(N_FEATURES)
N_PAIRS, N_SOURCE, N_TARGET = 4, 6, 5
OF_VECTORS = [name for name in TRANSPORTS if "continuous" in TRANSPORTS[name].supports]


@pytest.fixture(params=[*((name, {}) for name in OF_VECTORS), ("flow_matching", {"gaussian": True})], ids=str)
def transport(request, build, shake):
    name, options = request.param
    return shake(build(TRANSPORTS[name], SPEC, N_CONTEXT, **options))


@pytest.fixture
def batch():
    """Cells, embeddings and weights of four pairs of sets."""
    cells = [torch.randn(N_PAIRS, n, N_FEATURES) for n in (N_SOURCE, N_TARGET)]
    weights = [torch.rand(N_PAIRS, n).softmax(-1) for n in (N_SOURCE, N_TARGET)]
    return *cells, torch.randn(N_PAIRS, N_CONTEXT), torch.randn(N_PAIRS, N_CONTEXT), *weights


@pytest.fixture
def loss_and_gradients(reseed):
    """Loss, and its gradient in the parameters, under the same noise each time."""

    def compute(transport, batch):
        transport.zero_grad()
        reseed(1)
        loss = loss_of(transport, batch)
        loss.sum().backward()
        return loss.detach(), [p.grad.clone() for p in transport.parameters() if p.grad is not None]

    return compute


def loss_of(transport, batch):
    source, target, source_context, target_context, source_weights, target_weights = batch
    ends = Ends(source_context, target_context)
    return transport.loss(Measure(source, source_weights), Measure(target, target_weights), ends)


def uniform(x):
    return torch.full(x.shape[:2], 1 / x.shape[1])


def test_transport_keeps_its_sizes(transport):
    assert (transport.spec, transport.n_context) == (SPEC, N_CONTEXT)


@pytest.mark.parametrize("n_cells", [1, 2, N_TARGET])
@pytest.mark.parametrize("identical", [False, True])
def test_loss_is_one_finite_number_a_pair(transport, batch, n_cells, identical):
    source, target = (torch.ones_like(x[:, :n_cells]) if identical else x[:, :n_cells] for x in batch[:2])
    loss = loss_of(transport, (source, target, *batch[2:4], uniform(source), uniform(target)))
    assert loss.shape == (N_PAIRS,)
    assert loss.isfinite().all()


def test_loss_passes_gradient_to_parameters_and_both_embeddings(transport, batch, without_gradient):
    embeddings = [z.requires_grad_() for z in batch[2:4]]
    loss_of(transport, batch).sum().backward()
    # A direct map happens at one time only.
    assert [name for name in without_gradient(transport) if "time" not in name] == []
    for z in embeddings:
        assert z.grad.isfinite().all()
        assert z.grad.any(-1).all()


@pytest.mark.parametrize("filler", [0.0, 1e6])
@pytest.mark.parametrize("side", [0, 1])
def test_cells_of_weight_zero_have_no_influence(transport, batch, loss_and_gradients, side, filler):
    batch = list(batch)
    weights = batch[4 + side].clone()
    weights[:, -2:] = 0
    batch[4 + side] = weights / weights.sum(-1, keepdim=True)
    expected_loss, expected_gradients = loss_and_gradients(transport, batch)
    batch[side] = torch.cat([batch[side][:, :-2], torch.full((N_PAIRS, 2, N_FEATURES), filler)], dim=1)
    loss, gradients = loss_and_gradients(transport, batch)
    torch.testing.assert_close(loss, expected_loss)
    torch.testing.assert_close(gradients, expected_gradients)


def test_loss_of_a_pair_ignores_the_other_pairs(transport, batch, loss_and_gradients):
    loss, _ = loss_and_gradients(transport, batch)
    changed = [torch.cat([part[:1], torch.ones_like(part[1:])]) for part in batch[:4]]
    torch.testing.assert_close(loss_and_gradients(transport, [*changed, *batch[4:]])[0][0], loss[0])


@torch.no_grad()
def test_push_starts_at_the_source_and_gives_each_time(transport, batch):
    source, _, *embeddings = batch[:4]
    path = transport.push(source, Ends(*embeddings), times=(0, 0.5, 1))
    assert path.shape == (3, *source.shape)
    assert path.isfinite().all()
    torch.testing.assert_close(path[0], source)
    assert not torch.allclose(path[1], path[0])
    torch.testing.assert_close(path[2], transport.push(source, Ends(*embeddings))[0], rtol=0, atol=1e-3)


@torch.no_grad()
def test_push_moves_each_cell_on_its_own(transport, batch):
    source, _, *embeddings = batch[:4]
    order = [3, 0, 5]
    torch.testing.assert_close(
        transport.push(source[:, order], Ends(*embeddings)), transport.push(source, Ends(*embeddings))[:, :, order]
    )


@torch.no_grad()
@pytest.mark.parametrize("changed", [0, 1])
def test_push_depends_on_both_embeddings(transport, batch, changed):
    source, _, *embeddings = batch[:4]
    before = transport.push(source, Ends(*embeddings))
    embeddings[changed] = embeddings[changed] + 1
    assert not torch.allclose(transport.push(source, Ends(*embeddings)), before)


@torch.no_grad()
@pytest.mark.parametrize("gaussian", [False, True])
def test_flow_that_preserves_the_identity_leaves_a_set_as_it_is(build, shake, batch, gaussian):
    transport = shake(build(FlowMatching, SPEC, N_CONTEXT, preserve_identity=True, gaussian=gaussian))
    source, _, z, end = batch[:4]
    assert torch.equal(transport.push(source, Ends(z, z))[0], source)
    assert not torch.allclose(transport.push(source, Ends(z, end))[0], source)


@pytest.mark.parametrize("name", ["source", "target"])
@pytest.mark.parametrize("shape", [(N_PAIRS, N_CONTEXT + 1), (N_CONTEXT,), (N_PAIRS + 1, N_CONTEXT)], ids=str)
def test_push_refuses_embeddings_of_another_shape(transport, batch, name, shape):
    context = Ends(batch[2], batch[3])._replace(**{name: torch.zeros(shape)})
    with pytest.raises(ValueError, match=rf"`context.{name}` must have shape \({N_PAIRS}, {N_CONTEXT}\), got"):
        transport.push(batch[0], context)


@pytest.mark.parametrize("times", [(), (-0.1, 1), (0, 1.1), (1, 0), (float("nan"),)], ids=str)
def test_push_refuses_times_that_are_none(transport, batch, times):
    with pytest.raises(ValueError, match=r"`times` must be numbers in \[0, 1\] that do not decrease"):
        transport.push(batch[0], Ends(*batch[2:4]), times=times)


def train(transport, n_steps, draw_pairs, *, lr=1e-2):
    optimizer = torch.optim.Adam(transport.parameters(), lr=lr)
    for _ in range(n_steps):
        source, target, *embeddings = draw_pairs()
        optimizer.zero_grad()
        loss_of(transport, (source, target, *embeddings, uniform(source), uniform(target))).mean().backward()
        optimizer.step()
    return transport


@pytest.mark.parametrize("name", OF_VECTORS)
def test_transport_learns_where_the_target_is(name, build):
    # The embedding is the mean: what is learnt is to carry the cells from one mean to the other.
    spread = 0.3

    def draw_pairs():
        means = 4 * torch.rand(2, 32, 2) - 2
        cells = means[:, :, None] + spread * torch.randn(2, 32, 8, 2)
        return *cells, *means

    transport = train(build(TRANSPORTS[name], CellSpec.vectors(2), 2), 100, draw_pairs)
    source, _, *means = draw_pairs()
    with torch.no_grad():
        moved = transport.push(source, Ends(*means))[0]
    distance = (means[1] - means[0]).square().mean()
    assert (moved.mean(1) - means[1]).square().mean() < 0.1 * distance
    assert (moved - moved.mean(1, keepdim=True)).square().mean().sqrt() < 2 * spread


class Line:
    """One pair of Gaussians on a line, the wider one of standard deviation 3; the optimal map is x -> 3 x + 5."""

    @staticmethod
    def draw(n_sets=16, n_cells=16):
        source, target = torch.randn(2, n_sets, n_cells, 1)
        return source, 3 * target + 5, torch.zeros(n_sets, 1), torch.ones(n_sets, 1)

    @staticmethod
    def error(transport):
        """Mean squared distance to the optimal map, relative to that of random pairs."""
        source, _, *embeddings = Line.draw(n_cells=100)
        with torch.no_grad():
            moved = transport.push(source, Ends(*embeddings))[0]
        return float((moved - (3 * source + 5)).square().mean() / 18)


@pytest.mark.parametrize("coupling", ["ot", "sinkhorn"])
def test_flow_between_optimal_pairs_is_the_optimal_map(build, coupling):
    options = {"backbone_kwargs": {"n_hidden": 32, "n_layers": 2}, "coupling": coupling}
    assert Line.error(train(build(FlowMatching, CellSpec.vectors(1), 1, **options), 150, Line.draw)) < 0.02


class Narrow:
    """Sets of width .02 to .2 far from each other; an embedding tells the place and the width of its set."""

    @staticmethod
    def draw(n_sets=16, n_cells=16):
        place, log_width = 3 * torch.randn(2, n_sets, 2), -4 + 2.3 * torch.rand(2, n_sets, 1)
        cells = place[:, :, None] + log_width[..., None].exp() * torch.randn(2, n_sets, n_cells, 2)
        return *cells, *torch.cat([place, log_width], dim=-1)

    @staticmethod
    def error(transport):
        """Mean squared error of the log width of moved cells."""
        source, target, *embeddings = Narrow.draw(64, 32)
        with torch.no_grad():
            moved = transport.push(source, Ends(*embeddings))[0]
        widths = [cells.var(1).mean(-1).log() / 2 for cells in (moved, target)]
        return float((widths[0] - widths[1]).square().mean())


def test_gaussian_flow_learns_widths_that_a_flow_alone_does_not(build):
    flows = [build(FlowMatching, CellSpec.vectors(2), 3, gaussian=gaussian) for gaussian in (True, False)]
    error, error_alone = (Narrow.error(train(flow, 300, Narrow.draw, lr=3e-3)) for flow in flows)
    assert error < 0.25 < 0.5 < error_alone


class Crossing(nn.Module):
    """Velocity from x = 0 where it grows with time only."""

    def forward(self, x, time, context):
        return 2 * time[..., None].expand_as(x)


@torch.no_grad()
def test_flow_passes_through_each_time(build):
    transport = FlowMatching(CellSpec.vectors(1), 1, n_steps=8)
    transport.backbone = Crossing()
    times = (0.0, 0.1, 0.35, 0.35, 1.0)
    path = transport.push(torch.zeros(1, 1, 1), Ends(torch.zeros(1, 1), torch.zeros(1, 1)), times=times)
    torch.testing.assert_close(path.flatten(), torch.tensor(times).square())


def test_independent_partners_come_by_their_weights():
    target = torch.zeros(1, 4, 1)
    weights = torch.tensor([[0.5, 0.0, 0.125, 0.375]])
    source = Measure(torch.zeros(1, 8000, 1), torch.full((1, 8000), 1 / 8000))
    found = partners(source, Measure(target, weights), "independent").flatten()
    share = torch.bincount(found, minlength=4) / 8000
    torch.testing.assert_close(share, weights[0], rtol=0, atol=2e-3)
    # In random order: a source cell does not know its place.
    alike = (found[:-1] == found[1:]).float().mean()
    torch.testing.assert_close(alike, weights.square().sum(), rtol=0, atol=0.03)


def test_noise_around_the_lines_raises_the_loss(build, batch, reseed):
    losses = []
    for sigma in (0.0, 1.0):
        reseed(0)
        transport = build(FlowMatching, SPEC, N_CONTEXT, sigma=sigma)
        transport.backbone = Recover()
        reseed(1)
        losses.append(float(loss_of(transport, batch).mean()))
    assert losses[1] > losses[0] + 0.5


class Recover(nn.Module):
    def forward(self, x, time, context):
        return x


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"coupling": "x"}, "`coupling` must be one of"),
        ({"solver": "leapfrog"}, "`solver` must be one of"),
        ({"n_steps": 0}, "`n_steps` must be at least 1, got 0"),
        ({"sigma": -1.0}, "`sigma` must be positive"),
    ],
    ids=str,
)
def test_flow_matching_refuses_options(options, match):
    with pytest.raises(ValueError, match=match):
        FlowMatching(CellSpec.vectors(2), 1, **options)


@pytest.mark.parametrize("option", ["preserve_identity", "gaussian"])
def test_flow_matching_refuses_flags_that_are_none(option):
    with pytest.raises(TypeError, match=f"`{option}` must be True or False, got 'yes'"):
        FlowMatching(CellSpec.vectors(2), 1, **{option: "yes"})
