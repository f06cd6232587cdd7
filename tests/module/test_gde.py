from __future__ import annotations

import pytest
import torch

from scgde.module import GDEModule
from scgde.nn.encoders import ENCODERS
from scgde.nn.generators import GENERATORS


@pytest.fixture
def make():
    def make_module(encoder="pooled_gnn", generator="flow_matching", **options):
        with torch.random.fork_rng(devices=[]):
            torch.random.manual_seed(0)
            return GDEModule(3, 2, encoder=encoder, generator=generator, **options)

    return make_module


@pytest.fixture
def batch():
    rng = torch.Generator().manual_seed(0)
    weights = torch.rand(4, 6, generator=rng)
    weights = weights / weights.sum(1, keepdim=True)
    x = torch.randn(4, 6, 3, generator=rng)
    return {"encoder": x, "encoder_weights": weights, "generator": x.flip(1), "generator_weights": weights.flip(1)}


@pytest.mark.parametrize("encoder", list(ENCODERS))
@pytest.mark.parametrize("generator", list(GENERATORS))
def test_loss_reaches_encoder_and_generator(make, batch, encoder, generator):
    module = make(encoder, generator)
    for _ in range(2):  # layers that start at zero pass a gradient on once they have moved
        module.zero_grad()
        module(batch)[-1].loss.backward()
        with torch.no_grad():
            for parameter in module.parameters():
                if parameter.grad is not None:
                    parameter -= 0.1 * parameter.grad
    for part in (module.encoder, module.generator):
        assert sum(float(p.grad.abs().sum()) for p in part.parameters() if p.grad is not None) > 0


def test_embedding_does_not_change_with_the_units_of_the_data(make, batch):
    module, scaled = make(), make()
    center, scale = torch.tensor([1.0, -5.0, 0.0]), torch.tensor([2.0, 0.1, 7.0])
    scaled.set_scaling(center, scale)
    x, weights = batch["encoder"], batch["encoder_weights"]
    torch.testing.assert_close(
        scaled.embed(x * scale + center, weights), module.embed(x, weights), atol=1e-5, rtol=1e-4
    )


def test_cells_come_in_the_units_of_the_data(make):
    module, scaled = make(), make()
    center, scale = torch.tensor([1.0, -5.0, 0.0]), torch.tensor([2.0, 0.1, 7.0])
    scaled.set_scaling(center, scale)
    z = torch.zeros(2, 2)
    plain, other = (m.sample(z, 5, rng=torch.Generator().manual_seed(1)) for m in (module, scaled))
    torch.testing.assert_close(other, plain * scale + center)


def test_scaling_is_part_of_the_state(make):
    module = make()
    module.set_scaling(torch.ones(3), torch.full((3,), 2.0))
    other = make()
    other.load_state_dict(module.state_dict())
    assert other.center.tolist() == [1, 1, 1]
    assert other.scale.tolist() == [2, 2, 2]


def test_isometry_adds_its_weighted_misfit(make, batch):
    losses = []
    for weight in (0.0, 1.0, 2.0):
        with torch.random.fork_rng(devices=[]):
            torch.random.manual_seed(0)
            losses.append(make(isometry=weight)(batch)[-1].loss.item())
    assert losses[1] > losses[0]
    assert losses[2] - losses[0] == pytest.approx(2 * (losses[1] - losses[0]), rel=1e-3)


def test_encoder_and_generator_see_views_of_their_own(make, batch):
    module = make()
    changed = {**batch, "generator": batch["generator"] + 1}
    before, after = (module(b)[0]["embedding"] for b in (batch, changed))
    torch.testing.assert_close(before, after)


def told(cells, **values):
    return cells | {"sets": torch.tensor([0, 1, 1, 2])} | values


def test_loss_adds_that_of_labels_by_its_weight(make, batch):
    labels = told(batch, label=torch.tensor([0.0, 1.0, float("nan"), 1.0]))
    losses = []
    for weight in (0.0, 1.0, 3.0):
        with torch.random.fork_rng(devices=[]):
            torch.random.manual_seed(0)
            losses.append(make(n_classes=2, label_weight=weight)(labels)[-1].loss.item())
    with torch.random.fork_rng(devices=[]):
        torch.random.manual_seed(0)
        assert make()(batch)[-1].loss.item() == losses[0]
    assert losses[1] > losses[0]
    assert losses[2] - losses[0] == pytest.approx(3 * (losses[1] - losses[0]), rel=1e-4)


def test_without_generator_weight_only_labels_are_learnt(make, batch):
    module = make(n_classes=0, generator_weight=0.0)
    labels = told(batch, label=torch.tensor([0.5, 1.0, 2.0, float("nan")]))
    module(labels)[-1].loss.backward()
    assert all(parameter.grad is None for parameter in module.generator.parameters())
    assert sum(float(p.grad.abs().sum()) for p in module.encoder.parameters() if p.grad is not None) > 0


def test_generator_is_told_the_batch_and_the_encoder_is_not(make, batch):
    module = make(n_batches=3, batch_weight=0.0)
    outputs = []
    for codes in ([0, 1, 2, 0], [2, 1, 2, 0]):
        with torch.random.fork_rng(devices=[]):
            torch.random.manual_seed(0)
            torch.nn.init.normal_(module.generator.backbone.blocks[0].outer.weight)
            outputs.append(module(told(batch, batch=torch.tensor(codes))))
    (first, first_generated, _), (second, second_generated, _) = outputs
    assert torch.equal(first["embedding"], second["embedding"])
    differs = first_generated["loss"] != second_generated["loss"]
    assert differs.tolist() == [True, False, False, False]


def test_batch_of_a_generated_cell_is_the_mean_unless_given(make):
    module, z = make(n_batches=4), torch.zeros(2, 2)
    torch.testing.assert_close(module._context(z, None)[:, 2:], torch.full((2, 4), 0.25))
    assert module._context(z, torch.tensor([2, -1]))[:, 2:].tolist() == [[0, 0, 1, 0], [0.25] * 4]


def test_a_set_that_is_drawn_twice_counts_once_for_the_batch(make):
    module = make(n_batches=2, generator_weight=0.0, batch_weight=2.0)
    rng = torch.Generator().manual_seed(3)
    z, codes = torch.randn(8, 2, generator=rng), torch.tensor([0, 0, 0, 0, 1, 1, 1, 1])
    z[:4] += 3
    once = {"sets": torch.arange(8), "batch": codes}
    twice = {"sets": torch.arange(8).repeat(2), "batch": codes.repeat(2)}
    missing = {"sets": torch.arange(9), "batch": torch.cat([codes, torch.tensor([-1])])}
    expected = module._told(z, once)
    assert float(expected) > 0.5
    assert float(module._told(z.repeat(2, 1), twice)) == float(expected)
    assert float(module._told(torch.cat([z, z[:1]]), missing)) == float(expected)
