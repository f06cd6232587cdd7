"""Sets in parts are sets at once: only the memory of a step differs."""

from __future__ import annotations

import pytest
import torch

from scgde.module import GDEModule, _parts
from scgde.nn.cells import CellSpec, Measure, SetBatch, WidthClass
from scgde.nn.virtual_sets import SetSummary

N_SETS, SPEC = 6, CellSpec.vectors(5)


def make(**options):
    with torch.random.fork_rng(devices=[]):
        torch.random.manual_seed(0)
        return GDEModule(SPEC, 30, encoder="pooled_gnn", generator="flow_matching", n_classes=0, n_batches=3, **options)


@pytest.fixture
def batch():
    rng = torch.Generator().manual_seed(0)
    views = [Measure(torch.randn(N_SETS, n, 5, generator=rng), torch.full((N_SETS, n), 1 / n)) for n in (8, 4)]
    covariates = {"label": torch.tensor([0.0, 1.0, 0.5, 1.0, 2.0, 0.0]), "batch": torch.tensor([0, 1, 2, 0, 1, 2])}
    return SetBatch(*views, torch.arange(N_SETS), 0, covariates)


def step(module, batch):
    """Loss and gradients, from one random state."""
    module.zero_grad()
    with torch.random.fork_rng(devices=[]):
        torch.random.manual_seed(1)
        loss = module(batch)[-1].loss
    loss.backward()
    return [loss.detach(), *(parameter.grad for parameter in module.parameters() if parameter.grad is not None)]


@pytest.fixture
def in_parts(monkeypatch):
    """Parts of two sets of 12 cells."""
    monkeypatch.setattr(_parts, "_MAX_AT_ONCE", 100)
    monkeypatch.setattr(_parts, "_MAX_IN_PART", 2 * 12 * 5)


def test_parts_hold_all_sets_in_order(batch, in_parts):
    parts = _parts.parts_of(batch)
    assert [part.sets.tolist() for part in parts] == [[0, 1], [2, 3], [4, 5]]
    torch.testing.assert_close(torch.cat([part.target.x for part in parts]), batch.target.x)
    assert torch.cat([part.covariates["label"] for part in parts]).tolist() == batch.covariates["label"].tolist()


def test_few_values_stay_together(batch):
    assert _parts.parts_of(batch) == [batch]


def test_parts_have_the_loss_and_gradients_of_all_sets_at_once(batch, monkeypatch):
    module = make(generator_weight=0.0)  # the noise of the generator is drawn part by part
    expected = step(module, batch)
    monkeypatch.setattr(_parts, "_MAX_AT_ONCE", 0)
    monkeypatch.setattr(_parts, "_MAX_IN_PART", 2 * 12 * 5)
    found = step(module, batch)
    assert len(found) == len(expected) > 1
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)


def test_sets_in_classes_of_width_stay_in_them(batch, in_parts):
    weights = batch.encoder.weights.clone()
    weights[1::2, 2:] = 0
    weights = weights / weights.sum(1, keepdim=True)
    widths = (WidthClass(2, torch.tensor([1, 3, 5])), WidthClass(8, torch.tensor([0, 2, 4])))
    batch = batch._replace(encoder=batch.encoder._replace(weights=weights))
    module = make()
    found = module(batch._replace(widths=widths))[0]["embedding"]
    torch.testing.assert_close(found, module.embed_batch(batch), atol=1e-6, rtol=1e-5)


def test_what_is_computed_anew_draws_the_same_noise(batch, in_parts, monkeypatch):
    module = make(n_core=14)
    x, weights = batch.encoder
    module.virtual_sets.fit([SetSummary.of(batch.sets, x, weights)])
    found = step(module, batch)
    monkeypatch.setattr(_parts, "checkpoint", lambda function, part, use_reentrant: function(part))
    for one, other in zip(found, step(module, batch), strict=True):
        torch.testing.assert_close(one, other, atol=0, rtol=0)
