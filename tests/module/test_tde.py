from __future__ import annotations

import pytest
import torch

from scgde.module import TDEModule
from scgde.nn.cells import CellSpec, Measure, SetBatch
from scgde.nn.encoders import ENCODERS
from scgde.nn.transports import CONDITIONS, TRANSPORTS

N_SETS = 5


@pytest.fixture
def make():
    def make_module(encoder="pooled_gnn", transport="flow_matching", **options):
        with torch.random.fork_rng(devices=[]):
            torch.random.manual_seed(0)
            return TDEModule(CellSpec.vectors(3), 2, encoder=encoder, transport=transport, n_sets=N_SETS, **options)

    return make_module


@pytest.fixture
def batch():
    """Five sets; three pairs of them."""
    rng = torch.Generator().manual_seed(0)
    weights = torch.rand(N_SETS, 6, generator=rng)
    weights = weights / weights.sum(1, keepdim=True)
    x = torch.randn(N_SETS, 6, 3, generator=rng) + torch.arange(float(N_SETS))[:, None, None]
    target = Measure(x.flip(1), weights.flip(1))
    ends = {"source": torch.tensor([0, 2, 3]), "destination": torch.tensor([1, 3, 4])}
    return SetBatch(Measure(x, weights), target, torch.arange(N_SETS), 0, {}, **ends)


def set_units(module, center, scale):
    """Cells come in other units: ``x * scale + center``."""
    module.transform.center.copy_(center)
    module.transform.scale.copy_(scale)


def train_a_little(module, n_steps=2, *, batch):
    """Layers that start at zero pass a gradient on after a step."""
    for _ in range(n_steps):
        module.zero_grad()
        module(batch)[-1].loss.backward()
        with torch.no_grad():
            for parameter in module.parameters():
                if parameter.grad is not None:
                    parameter -= 0.1 * parameter.grad


def has_gradient(layers):
    return sum(float(p.grad.abs().sum()) for p in layers.parameters() if p.grad is not None) > 0


@pytest.mark.parametrize("encoder", list(ENCODERS))
@pytest.mark.parametrize("transport", [name for name in TRANSPORTS if "continuous" in TRANSPORTS[name].supports])
def test_loss_reaches_encoder_and_transport(make, batch, encoder, transport):
    module = make(encoder, transport)
    train_a_little(module, batch=batch)
    assert has_gradient(module.encoder)
    assert has_gradient(module.transport)


def test_loss_is_a_mean_over_pairs(make, batch):
    module = make(transport="energy")
    whole = module(batch)[-1].loss
    pairs = [batch._replace(source=batch.source[[i]], destination=batch.destination[[i]]) for i in range(3)]
    losses = [module(pair)[-1] for pair in pairs]
    torch.testing.assert_close(whole, torch.stack([one.loss for one in losses]).mean())


def test_pairs_without_a_target_do_not_know_it(make, batch):
    module, z = make(), torch.randn(N_SETS, 2)
    without = torch.tensor([True, False, False])
    whole, part = (module._ends_of_pairs(one, z) for one in (batch, batch._replace(without_target=without)))
    torch.testing.assert_close(part.source, whole.source)
    torch.testing.assert_close(part.target, whole.target * ~without[:, None])


@pytest.mark.parametrize(("condition", "target_matters"), [("both", True), ("source", False)])
def test_source_condition_does_not_know_the_target(make, batch, condition, target_matters):
    module = make(transport="energy", condition=condition)
    train_a_little(module, batch=batch)
    z = torch.randn(N_SETS, 2)
    first, other = (module.push(batch.encoder.x, z, z + shift) for shift in (0.0, 1.0))
    assert torch.equal(first, other) != target_matters
    assert not torch.allclose(module.push(batch.encoder.x, z + 1, z), first)


def test_lookup_trains_a_vector_for_each_set_and_has_no_encoder(make, batch):
    module = make(condition="lookup")
    train_a_little(module, batch=batch._replace(sets=torch.tensor([4, 3, 2, 1, 1])))
    assert module.conditioning.table.weight.grad.any(-1).tolist() == [False, True, True, True, True]
    assert module.encoder is None
    assert module.featurizer is None
    assert [name for name, p in module.named_parameters() if p.grad is None] == []


def test_only_a_lookup_has_a_learnt_embedding(make):
    lookup = make(condition="lookup")
    assert lookup.learnt_embedding() is lookup.conditioning.table.weight
    assert lookup.learnt_embedding().shape == (N_SETS, 2)
    assert [make(condition=name).learnt_embedding() for name in ("both", "source")] == [None, None]
    assert [make(condition=name).embeds_new_sets for name in ("both", "source", "lookup")] == [True, True, False]


def test_lookup_needs_the_number_of_sets():
    with pytest.raises(TypeError, match="`n_sets` must be an integer, got None"):
        TDEModule(CellSpec.vectors(3), 2, encoder="deep_sets", transport="energy", condition="lookup")


def test_unknown_condition_is_refused():
    with pytest.raises(ValueError, match="`condition` must be one of"):
        TDEModule(CellSpec.vectors(3), 2, encoder="deep_sets", transport="energy", condition="target")


def test_push_does_not_change_with_the_units_of_the_data(make, batch):
    module, scaled = make(), make()
    center, scale = torch.tensor([1.0, -5.0, 0.0]), torch.tensor([2.0, 0.1, 7.0])
    set_units(scaled, center, scale)
    x, weights = batch.encoder
    z, other = module.embed(x, weights), scaled.embed(x * scale + center, weights)
    torch.testing.assert_close(other, z, atol=1e-5, rtol=1e-4)
    pushed = module.push(batch.target.x, z, z.flip(0), times=(0.5, 1.0))
    other = scaled.push(batch.target.x * scale + center, z, z.flip(0), times=(0.5, 1.0))
    torch.testing.assert_close(other, pushed * scale + center, atol=1e-4, rtol=1e-4)


def test_encoder_and_transport_see_views_of_their_own(make, batch):
    module = make()
    changed = batch._replace(target=batch.target._replace(x=batch.target.x + 1))
    before, after = (module(b)[0]["embedding"] for b in (batch, changed))
    torch.testing.assert_close(before, after)


def test_isometry_adds_its_weighted_misfit(make, batch):
    losses = [make(transport="energy", isometry=weight)(batch)[-1].loss.item() for weight in (0.0, 1.0)]
    assert losses[1] > losses[0]


def test_covariates_of_both_ends_follow_their_embeddings(make, batch):
    module = make(transport="energy", conditions={"dose": None}, condition="source")
    with_doses = batch._replace(covariates={"dose": torch.arange(5.0)})
    context = module._ends_of_pairs(with_doses, torch.ones(5, 2))
    assert context.source.tolist() == [[1, 1, 0], [1, 1, 2], [1, 1, 3]]
    assert context.target.tolist() == [[0, 0, 1], [0, 0, 3], [0, 0, 4]]
    z, doses = torch.zeros(5, 2), ({"dose": torch.zeros(5)}, {"dose": torch.ones(5)})
    assert module(with_doses)[-1].loss.isfinite()
    assert module.push(batch.target.x, z, z, covariates=doses).shape == (1, 5, 6, 3)


def test_conditions_say_what_they_need():
    needs = {name: (CONDITIONS[name].needs_predictor, CONDITIONS[name].embeds_new_sets) for name in CONDITIONS}
    assert needs == {"both": (True, True), "source": (False, True), "lookup": (True, False)}
