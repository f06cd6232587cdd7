from __future__ import annotations

import pytest
import torch

from scgde.module import GDEModule
from scgde.module._virtual_batch import with_virtual_sets
from scgde.nn.cells import CellSpec, Measure, SetBatch, WidthClass
from scgde.nn.encoders import ENCODERS
from scgde.nn.generators import GENERATORS
from scgde.nn.influence import influence
from scgde.nn.transforms import TransformSpec
from scgde.train import seeded


@pytest.fixture
def make():
    def make_module(encoder="pooled_gnn", generator="flow_matching", **options):
        with torch.random.fork_rng(devices=[]):
            torch.random.manual_seed(0)
            return GDEModule(CellSpec.vectors(3), 2, encoder=encoder, generator=generator, **options)

    return make_module


@pytest.fixture
def batch():
    rng = torch.Generator().manual_seed(0)
    weights = torch.rand(4, 6, generator=rng)
    weights = weights / weights.sum(1, keepdim=True)
    x = torch.randn(4, 6, 3, generator=rng)
    target = Measure(x.flip(1), weights.flip(1))
    return SetBatch(Measure(x, weights), target, torch.arange(4), 0, {})


def set_units(module, center, scale):
    """Cells come in other units: ``x * scale + center``."""
    module.transform.center.copy_(center)
    module.transform.scale.copy_(scale)


@pytest.mark.parametrize("encoder", list(ENCODERS))
@pytest.mark.parametrize("generator", [name for name in GENERATORS if "continuous" in GENERATORS[name].supports])
def test_loss_reaches_encoder_and_generator(make, batch, encoder, generator):
    module = make(encoder, generator)
    for _ in range(2):  # layers that start at zero pass a gradient on after a step
        module.zero_grad()
        module(batch)[-1].loss.backward()
        with torch.no_grad():
            for parameter in module.parameters():
                if parameter.grad is not None:
                    parameter -= 0.1 * parameter.grad
    for layers in (module.encoder, module.generator):
        assert sum(float(p.grad.abs().sum()) for p in layers.parameters() if p.grad is not None) > 0


def losses(module, batch, embedding):
    """Losses of sets with the same noise."""
    torch.random.manual_seed(0)
    return module.generative(batch, embedding=embedding)["loss"]


@pytest.mark.parametrize(("share", "sees_moments"), [(0.0, True), (1.0, False)])
def test_the_generator_does_not_see_moments_that_are_dropped(make, batch, share, sees_moments):
    module = make(n_core=1, moment_dropout=share).train()
    known, other = torch.zeros(4, 2), torch.tensor([[3.0, 0.0]]).expand(4, 2)
    assert torch.equal(losses(module, batch, known), losses(module, batch, other)) != sees_moments
    module.eval()
    assert not torch.equal(losses(module, batch, known), losses(module, batch, other))


@pytest.mark.parametrize("encoder", list(ENCODERS))
def test_sets_in_classes_of_width_have_the_loss_and_gradient_of_copies_that_fill_all_slots(make, batch, encoder):
    """As cells were drawn before: a set with fewer cells than slots repeated them."""
    counts, slot = torch.tensor([2, 6, 1, 2]), torch.arange(6)
    x = batch.encoder.x.gather(1, (slot % counts[:, None])[..., None].expand(4, 6, 3))
    copies = Measure(x, 1 / (counts * (6 // counts))[:, None].expand(4, 6))
    padded = Measure(batch.encoder.x, (slot < counts[:, None]) / counts[:, None])
    classes = (WidthClass(2, torch.tensor([0, 2, 3])), WidthClass(6, torch.tensor([1])))
    found = []
    for encoder_view, widths in ((copies, ()), (padded, ()), (padded, classes)):
        module = make(encoder)
        with torch.random.fork_rng(devices=[]):
            torch.random.manual_seed(1)
            module(batch._replace(encoder=encoder_view, widths=widths))[-1].loss.backward()
        gradient = [p.grad.flatten() for p in module.parameters() if p.grad is not None]
        embedding = module.embed_batch(batch._replace(encoder=encoder_view, widths=widths))
        found.append((embedding.detach(), torch.cat(gradient)))
    torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(found[0], found[2], rtol=1e-4, atol=1e-6)


def test_embedding_does_not_change_with_the_units_of_the_data(make, batch):
    module, scaled = make(), make()
    center, scale = torch.tensor([1.0, -5.0, 0.0]), torch.tensor([2.0, 0.1, 7.0])
    set_units(scaled, center, scale)
    x, weights = batch.encoder
    torch.testing.assert_close(
        scaled.embed(x * scale + center, weights), module.embed(x, weights), atol=1e-5, rtol=1e-4
    )


def test_cells_come_in_the_units_of_the_data(make):
    module, scaled = make(), make()
    center, scale = torch.tensor([1.0, -5.0, 0.0]), torch.tensor([2.0, 0.1, 7.0])
    set_units(scaled, center, scale)
    z = torch.zeros(2, 2)
    plain, other = (m.sample(z, 5, rng=torch.Generator().manual_seed(1)) for m in (module, scaled))
    torch.testing.assert_close(other, plain * scale + center)


def test_scaling_is_part_of_the_state(make):
    module = make()
    set_units(module, torch.ones(3), torch.full((3,), 2.0))
    other = make()
    other.load_state_dict(module.state_dict())
    assert other.transform.center.tolist() == [1, 1, 1]
    assert other.transform.scale.tolist() == [2, 2, 2]


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
    changed = batch._replace(target=batch.target._replace(x=batch.target.x + 1))
    before, after = (module(b)[0]["embedding"] for b in (batch, changed))
    torch.testing.assert_close(before, after)


def with_covariates(cells, **values):
    return cells._replace(sets=torch.tensor([0, 1, 1, 2]), covariates=values)


def test_loss_adds_that_of_labels_by_its_weight(make, batch):
    labels = with_covariates(batch, label=torch.tensor([0.0, 1.0, float("nan"), 1.0]))
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
    labels = with_covariates(batch, label=torch.tensor([0.5, 1.0, 2.0, float("nan")]))
    module(labels)[-1].loss.backward()
    assert all(parameter.grad is None for parameter in module.generator.parameters())
    assert sum(float(p.grad.abs().sum()) for p in module.encoder.parameters() if p.grad is not None) > 0


def test_generator_is_conditioned_on_the_batch_and_the_encoder_is_not(make, batch):
    module = make(n_batches=3, batch_weight=0.0)
    outputs = []
    for codes in ([0, 1, 2, 0], [2, 1, 2, 0]):
        with torch.random.fork_rng(devices=[]):
            torch.random.manual_seed(0)
            torch.nn.init.normal_(module.generator.backbone.blocks[0].outer.weight)
            outputs.append(module(with_covariates(batch, batch=torch.tensor(codes))))
    (first, first_generated, _), (second, second_generated, _) = outputs
    assert torch.equal(first["embedding"], second["embedding"])
    differs = first_generated["loss"] != second_generated["loss"]
    assert differs.tolist() == [True, False, False, False]


def test_batch_of_a_generated_cell_is_the_mean_unless_given(make):
    module, z = make(n_batches=4), torch.zeros(2, 2)
    torch.testing.assert_close(module.context(z)[:, 2:], torch.full((2, 4), 0.25))
    assert module.context(z, {"batch": torch.tensor([2, -1])})[:, 2:].tolist() == [[0, 0, 1, 0], [0.25] * 4]


def test_a_set_that_is_drawn_twice_counts_once_for_the_batch(make):
    module = make(n_batches=2, generator_weight=0.0, batch_weight=2.0)
    rng = torch.Generator().manual_seed(3)
    z, codes = torch.randn(8, 2, generator=rng), torch.tensor([0, 0, 0, 0, 1, 1, 1, 1])
    z[:4] += 3
    twice = torch.arange(8).repeat(2), {"batch": codes.repeat(2)}
    missing = torch.arange(9), {"batch": torch.cat([codes, torch.tensor([-1])])}
    expected = module._covariate_loss(z, torch.arange(8), {"batch": codes})
    assert float(expected) > 0.5
    assert float(module._covariate_loss(z.repeat(2, 1), *twice)) == float(expected)
    assert float(module._covariate_loss(torch.cat([z, z[:1]]), *missing)) == float(expected)


def test_further_covariates_follow_the_batch_in_the_context(make):
    module, z = make(n_batches=2, conditions={"drug": torch.eye(3), "dose": None}), torch.zeros(2, 2)
    assert module.n_context == 2 + 2 + 3 + 1
    covariates = {"batch": torch.tensor([1, 0]), "drug": torch.tensor([2, 0]), "dose": torch.tensor([0.5, -1.0])}
    assert module.context(z, covariates)[:, 2:].tolist() == [[0, 1, 0, 0, 1, 0.5], [1, 0, 1, 0, 0, -1]]
    assert module.sample(z, 3, covariates=covariates).shape == (2, 3, 3)


def test_featurizer_is_between_cells_and_encoder(make, batch):
    module = make(featurizer="mlp", featurizer_kwargs={"n_output": 7})
    assert module.encoder.n_input == 7
    assert module.features(batch.encoder.x).shape == (4, 6, 7)
    module(batch)[-1].loss.backward()
    assert all(p.grad is not None for p in module.featurizer.parameters())


def test_every_parameter_gets_a_gradient_without_isometry(make, batch):
    module = make()
    module(batch)[-1].loss.backward()
    assert [name for name, p in module.named_parameters() if p.grad is None] == []


def test_images_need_a_featurizer_of_images():
    spec = CellSpec("images", (1, 2, 2), torch.float32)
    with pytest.raises(ValueError, match=r"`featurizer` must support 'images' cells, got Identity"):
        GDEModule(spec, 2, encoder="deep_sets", generator="wormhole")


def test_kinds_that_are_not_supported_are_refused_with_those_that_are():
    tokens = CellSpec("tokens", (8,), torch.int64, 4)
    options = {"encoder": "deep_sets", "generator": "flow_matching"}
    with pytest.raises(
        ValueError, match=r"`featurizer` must support 'tokens' cells, got Identity, .*Those that do: \['conv1d', 'kmer'"
    ):
        GDEModule(tokens, 2, transform="identity", **options)
    with pytest.raises(
        ValueError, match=r"`generator` must support 'tokens' cells, got FlowMatching, .*\['autoregressive', 'masked"
    ):
        GDEModule(CellSpec.vectors(3), 2, target=TransformSpec("identity", tokens, {}), **options)
    with pytest.raises(ValueError, match=r"`transform` must support 'counts' cells, got Affine.*\['identity'"):
        GDEModule(CellSpec("counts", (3,), torch.float32), 2, **options)


def test_init_from_scales_and_starts_the_generator_from_the_same_cells(make):
    seen, module = [], make()
    blocks = torch.randn(5, 3, generator=torch.Generator().manual_seed(0)).split(2)
    module.generator.init_from = lambda blocks: seen.extend(blocks)
    module.init_from(lambda: iter(blocks), lambda: iter(blocks))
    torch.testing.assert_close(module.transform.center, torch.cat(blocks).mean(0))
    torch.testing.assert_close(torch.cat(seen), module.transform.target(torch.cat(blocks)))


@pytest.mark.parametrize("n_core", [0, 3])
@pytest.mark.parametrize("n_directions", [1, 4, 6])
def test_influence_along_directions_is_that_of_the_whole_embedding(batch, n_core, n_directions):
    with torch.random.fork_rng(devices=[]):
        torch.random.manual_seed(0)
        module = GDEModule(CellSpec.vectors(3), 5, n_core=n_core, encoder="pooled_gnn", generator="flow_matching")
        directions = torch.randn(5, n_directions)
    expected = influence(lambda x, weights: module.embed(x, weights) @ directions, *batch.encoder)
    torch.testing.assert_close(module.influence(*batch.encoder, directions), expected, rtol=1e-4, atol=1e-5)


def test_init_from_reads_whole_sets_once():
    module, calls = GDEModule(CellSpec.vectors(3), 5, n_core=3, encoder="deep_sets", generator="flow_matching"), []
    x, weights = torch.randn(4, 9, 3, generator=torch.Generator().manual_seed(0)), torch.full((4, 9), 1 / 9)
    module.init_from(lambda: iter(x), lambda: iter(x), lambda: calls.append(1) or [(torch.arange(4), x, weights)])
    assert calls == [1]
    assert module.virtual_sets.means.shape == module.exchange.mean.shape == (4, 3)
    assert float(module.core.center.abs().sum()) > 0


def fitted_to_few_cells():
    """A module for 12 sets of eight cells that do not differ, and a batch of these sets."""
    module = GDEModule(CellSpec.vectors(3), 13, n_core=9, encoder="deep_sets", generator="flow_matching")
    x, weights = torch.randn(12, 8, 3, generator=torch.Generator().manual_seed(0)), torch.full((12, 8), 1 / 8)
    module.init_from(lambda: iter(x), lambda: iter(x), lambda: [(torch.arange(12), x, weights)])
    return module, SetBatch(Measure(x, weights), Measure(x, weights), torch.arange(12), 0, {})


def test_sets_of_few_cells_hold_cells_of_others_in_training():
    module, batch = fitted_to_few_cells()
    assert module.exchange.share > 0.5
    changed = []
    for exchange in (False, True):
        with seeded(0):
            moved, is_virtual = with_virtual_sets(module, batch, exchange=exchange)
        assert is_virtual.all()
        changed.append(torch.cdist(moved.target.x, moved.target.x))
    before = torch.cdist(batch.target.x, batch.target.x)
    # A shift and a stretch keep the order of cells; other cells do not.
    agreement = [float(torch.corrcoef(torch.stack([d.flatten(), before.flatten()]))[0, 1]) for d in changed]
    assert agreement[0] > 0.9 > agreement[1]


def test_generator_sees_little_of_dimensions_that_are_noise():
    module, _ = fitted_to_few_cells()
    z = torch.randn(5, 13, generator=torch.Generator().manual_seed(1))
    assert module.context(z).norm() < 0.5 * z.norm()
    module.core.reliability.fill_(1.0)
    module.core.importance.fill_(1.0)
    torch.testing.assert_close(module.context(z), z)
