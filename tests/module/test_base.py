"""Modules that read one representation of a cell and model another one."""

from __future__ import annotations

import json

import pytest
import torch

from scgde.module import GDEModule, TDEModule
from scgde.nn.cells import CellSpec, Measure, SetBatch
from scgde.nn.transforms import TransformSpec

TARGET = TransformSpec("affine", CellSpec.vectors(3), {})
KINDS = {"gde": (GDEModule, {"generator": "flow_matching"}), "tde": (TDEModule, {"transport": "flow_matching"})}


@pytest.fixture
def make():
    """Module that embeds cells of two dimensions, and models cells of three."""

    def make_module(kind="gde", **options):
        cls, defaults = KINDS[kind]
        with torch.random.fork_rng(devices=[]):
            torch.random.manual_seed(0)
            return cls(CellSpec.vectors(2), 4, encoder="deep_sets", **{"target": TARGET} | defaults | options)

    return make_module


@pytest.fixture
def batch():
    """Five sets, three pairs of them; two values of each cell are read, three others are modelled."""
    rng = torch.Generator().manual_seed(0)
    weights = torch.full((5, 6), 1 / 6)
    read, target = (torch.randn(5, 6, n, generator=rng) for n in (2, 3))
    ends = {"source": torch.tensor([0, 2, 3]), "destination": torch.tensor([1, 3, 4])}
    return SetBatch(Measure(read, weights), Measure(target, weights), torch.arange(5), 0, {}, **ends)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_read_and_what_is_modelled_have_specs_of_their_own(make, kind):
    module = make(kind)
    assert (module.spec, module.target_spec) == (CellSpec.vectors(2), CellSpec.vectors(3))
    assert module.transform is not module.target_transform


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_target_the_cells_that_are_read_are_modelled(make, kind):
    module = make(kind, target=None)
    assert module.target_transform is module.transform
    assert module.target_spec == module.spec


@pytest.mark.parametrize("kind", KINDS)
def test_cells_that_are_read_are_embedded_and_the_loss_is_of_those_that_are_modelled(make, batch, kind):
    module = make(kind)
    embedded, losses, loss = module(batch)
    assert embedded["embedding"].shape == (5, 4)
    assert losses["loss"].shape == ({"gde": 5, "tde": 3}[kind],)
    loss.loss.backward()
    assert [name for name, p in module.named_parameters() if p.grad is None] == []
    other_target = batch._replace(target=batch.target._replace(x=batch.target.x + 1))
    assert torch.equal(module(other_target)[0]["embedding"], embedded["embedding"])


def test_generated_cells_are_those_that_are_modelled_in_their_units(make):
    module, scaled, z = make(), make(), torch.zeros(2, 4)
    scaled.target_transform.center.copy_(torch.tensor([1.0, -5.0, 0.0]))
    scaled.target_transform.scale.copy_(torch.tensor([2.0, 0.1, 7.0]))
    plain, other = (one.sample(z, 6, rng=torch.Generator().manual_seed(1)) for one in (module, scaled))
    assert plain.shape == (2, 6, 3)
    torch.testing.assert_close(other, plain * torch.tensor([2.0, 0.1, 7.0]) + torch.tensor([1.0, -5.0, 0.0]))


def test_transported_cells_are_those_that_are_modelled_in_their_units(make, batch):
    module, scaled, z = make("tde"), make("tde"), torch.zeros(5, 4)
    center, scale = torch.tensor([1.0, -5.0, 0.0]), torch.tensor([2.0, 0.1, 7.0])
    scaled.target_transform.center.copy_(center)
    scaled.target_transform.scale.copy_(scale)
    plain, other = module.push(batch.target.x, z, z), scaled.push(batch.target.x * scale + center, z, z)
    assert plain.shape == (1, 5, 6, 3)
    torch.testing.assert_close(other, plain * scale + center, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_init_from_learns_the_units_of_both(make, kind):
    module, rng = make(kind), torch.Generator().manual_seed(0)
    read = 3 + 2 * torch.randn(50, 2, generator=rng)
    target = -7 + 5 * torch.randn(50, 3, generator=rng)
    module.init_from(lambda: iter(read.split(20)), lambda: iter(target.split(20)))
    for transform, x in ((module.transform, read), (module.target_transform, target)):
        torch.testing.assert_close(transform.center, x.mean(0))
        torch.testing.assert_close(transform.scale, x.var(0, correction=0).mean().sqrt().expand(x.shape[1]))


def test_init_from_starts_the_generator_from_the_cells_that_are_modelled(make):
    seen, module = [], make()
    read, target = torch.randn(9, 2), 4 + torch.randn(9, 3)
    module.generator.init_from = lambda blocks: seen.extend(blocks)
    module.init_from(lambda: iter(read.split(4)), lambda: iter(target.split(4)))
    torch.testing.assert_close(torch.cat(seen), module.target_transform.target(target))


@pytest.mark.parametrize("kind", KINDS)
def test_units_of_both_are_part_of_the_state(make, kind):
    module, other = make(kind), make(kind)
    module.init_from(lambda: iter([torch.randn(9, 2)]), lambda: iter([torch.randn(9, 3)]))
    other.load_state_dict(module.state_dict())
    assert torch.equal(other.transform.center, module.transform.center)
    assert torch.equal(other.target_transform.center, module.target_transform.center)


def test_isometry_compares_with_the_cells_that_are_read(make, batch):
    module = make(isometry=1.0)
    read, target = batch.encoder, batch.target
    changed = [
        batch,
        batch._replace(target=target._replace(x=10 * target.x)),
        batch._replace(encoder=read._replace(x=read.x**3)),
    ]
    misfits = []
    for one in changed:
        with torch.random.fork_rng(devices=[]):
            torch.random.manual_seed(0)
            _, per_set, loss = module(one)
        misfits.append(float((loss.loss - per_set["loss"].mean()).detach()))
    assert misfits[1] == pytest.approx(misfits[0], rel=1e-4)
    assert misfits[2] != pytest.approx(misfits[0], rel=1e-3)


@pytest.mark.parametrize(
    "spec",
    [
        TransformSpec("affine", CellSpec.vectors(3), {"method": "feature"}),
        TransformSpec("affine", CellSpec("images", (1, 4, 5), torch.float32), {}),
        TransformSpec("identity", CellSpec("tokens", (7,), torch.int64, 4), {}),
        TransformSpec("identity", CellSpec("counts", (6,), torch.float32), {}),
    ],
    ids=["vectors", "images", "tokens", "counts"],
)
def test_transform_spec_survives_json(spec):
    again = TransformSpec.from_config(json.loads(json.dumps(spec.to_config())))
    assert again == spec
    built = again.build()
    assert type(built) is type(spec.build())
    assert built.spec == spec.cells
    assert getattr(built, "method", None) == getattr(spec.build(), "method", None)
