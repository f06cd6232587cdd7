"""Flows, diffusion, direct maps and transports of cells that are images, with a backbone of one's own."""

from __future__ import annotations

import inspect

import pytest
import torch
from torch import nn

from scgde.nn import BACKBONES, GENERATORS, TRANSPORTS, Backbone, CellSpec, Ends, Measure, generators, transports

SPEC = CellSpec("images", (1, 6, 6), torch.float32)
N_CONTEXT = 2


class ToyConv(Backbone):
    """Two convolutions, with a map of the context and the time added between them."""

    supports = frozenset({"images"})

    def __init__(self, spec, n_context, *, n_extra=0, n_hidden=8, n_layers=1):
        super().__init__()
        channels, *size = spec.shape
        self.given = nn.Sequential(nn.Linear(n_context + 1, n_hidden * 36), nn.Unflatten(-1, (n_hidden, *size)))
        self.first = nn.Conv2d(channels, n_hidden, 3, padding=1)
        self.last = nn.Conv2d(n_hidden, channels, 3, padding=1)

    def forward(self, x, time, context):
        given = torch.cat([context[:, None].expand(*time.shape, -1), time[..., None]], dim=-1)
        state = nn.functional.silu(self.first(x.flatten(0, 1)) + self.given(given.flatten(0, 1)))
        return self.last(state).unflatten(0, x.shape[:2])


@pytest.fixture(autouse=True)
def conv(monkeypatch):
    """A backbone under the name ``"conv"``, for one test."""
    monkeypatch.setattr(BACKBONES, "_entries", {**BACKBONES._entries, "conv": ToyConv})


def blobs(n_sets, n_cells):
    """Images of a spot whose position is that of the set, give or take, and the position."""
    position = torch.rand(n_sets, 2)
    center = 1.5 + 2 * position[:, None] + 0.2 * torch.randn(n_sets, n_cells, 2)
    grid = torch.stack(torch.meshgrid(torch.arange(6.0), torch.arange(6.0), indexing="ij"), dim=-1)
    square = (grid - center[:, :, None, None]).square().sum(-1)
    return (-square / 3).exp()[:, :, None], position


def of_images(registry):
    return [name for name in registry if "images" in registry[name].supports]


def with_backbone(cls, **options):
    """Options of a generator or transport, with a backbone where it takes one."""
    return options | ({"backbone": "conv"} if "backbone" in inspect.signature(cls).parameters else {})


@pytest.mark.parametrize("name", of_images(GENERATORS))
def test_generator_of_images_has_a_loss_per_set_and_makes_images(name, build, without_gradient):
    generator = build(GENERATORS[name], SPEC, N_CONTEXT, **with_backbone(GENERATORS[name]))
    x, position = blobs(3, 5)
    loss = generator.loss(x, torch.full((3, 5), 0.2), position)
    assert loss.shape == (3,)
    loss.sum().backward()
    assert without_gradient(generator) == []
    assert generator.sample(position, 4).shape == (3, 4, *SPEC.shape)


@pytest.mark.parametrize("name", of_images(TRANSPORTS))
def test_transport_of_images_moves_images(name):
    transport = TRANSPORTS[name](SPEC, N_CONTEXT, **with_backbone(TRANSPORTS[name]))
    (source, of_source), (target, of_target) = blobs(3, 5), blobs(3, 4)
    measures = Measure(source, torch.full((3, 5), 0.2)), Measure(target, torch.full((3, 4), 0.25))
    context = Ends(of_source, of_target)
    assert transport.loss(*measures, context).shape == (3,)
    path = transport.push(source, context, times=(0.0, 1.0))
    assert path.shape == (2, *source.shape)
    torch.testing.assert_close(path[0], source)


@pytest.mark.parametrize("coupling", ["independent", "ot"])
def test_flow_matching_learns_where_the_spot_of_an_image_is(coupling):
    generator = generators.FlowMatching(SPEC, N_CONTEXT, backbone="conv", coupling=coupling)
    optimizer, weights = torch.optim.Adam(generator.parameters(), lr=1e-2), torch.full((16, 8), 1 / 8)
    for _ in range(150):
        optimizer.zero_grad()
        x, position = blobs(16, 8)
        generator.loss(x, weights, position).mean().backward()
        optimizer.step()
    x, position = blobs(30, 60)
    with torch.no_grad():
        error = generator.sample(position, 60).mean(1) - x.mean(1)
    assert error.square().mean() < 0.25 * (x.mean(1) - x.mean((0, 1))).square().mean()


@pytest.mark.parametrize("cls", [generators.FlowMatching, transports.FlowMatching])
def test_gaussian_flows_are_for_vectors(cls):
    with pytest.raises(ValueError, match=r"`gaussian=True` requires cells of shape \(G,\), got \(1, 6, 6\)"):
        cls(SPEC, N_CONTEXT, backbone="conv", gaussian=True)
