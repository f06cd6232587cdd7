"""Flows, diffusion, direct maps and transports of cells that are images."""

from __future__ import annotations

import inspect

import pytest
import torch

from scgde.nn import GENERATORS, TRANSPORTS, CellSpec, Ends, Measure, generators, transports

SPEC = CellSpec("images", (1, 6, 6), torch.float32)
N_CONTEXT = 2


BACKBONE = {"backbone": "unet", "backbone_kwargs": {"n_hidden": 8, "n_levels": 1}}


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
    return options | (BACKBONE if "backbone" in inspect.signature(cls).parameters else {})


@pytest.mark.parametrize("name", of_images(GENERATORS))
def test_generator_of_images_has_a_loss_per_set_and_makes_images(name, build, shake, without_gradient):
    generator = shake(build(GENERATORS[name], SPEC, N_CONTEXT, **with_backbone(GENERATORS[name])))
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


@pytest.mark.parametrize(
    ("cls", "options"),
    [
        (generators.FlowMatching, {"coupling": "independent"}),
        (generators.FlowMatching, {"coupling": "ot"}),
        (generators.Diffusion, {"n_steps": 16}),
    ],
    ids=["flow", "flow-ot", "diffusion"],
)
def test_generator_learns_where_the_spot_of_an_image_is(cls, options):
    generator = cls(SPEC, N_CONTEXT, **BACKBONE, **options)
    optimizer, weights = torch.optim.Adam(generator.parameters(), lr=1e-2), torch.full((16, 8), 1 / 8)
    for _ in range(100):
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
        cls(SPEC, N_CONTEXT, **BACKBONE, gaussian=True)
