from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from scgde.train import SetTrainingPlan


def _step(plan, n):
    with torch.no_grad():
        plan.module.weight.add_(1.0)
    plan.averaged.update(plan.module, n)


def test_rate_warms_up_and_decays_to_zero():
    plan = SetTrainingPlan(nn.Linear(1, 1), max_steps=100, warmup_steps=10)
    rates = np.array([plan._relative_rate(step) for step in range(101)])
    assert rates[0] == pytest.approx(0.1)
    assert rates.argmax() in {9, 10}
    assert rates[-1] == pytest.approx(0, abs=1e-12)
    assert (np.diff(rates[10:]) < 0).all()


def test_average_follows_its_recursion():
    plan = SetTrainingPlan(nn.Linear(1, 1, bias=False), max_steps=100, ema_decay=0.5)
    with torch.no_grad():
        plan.module.weight.zero_()
    expected = None
    for n in range(20):
        _step(plan, n)
        current = n + 1.0
        decay = min(0.5, (1 + n) / (10 + n))
        expected = current if expected is None else decay * expected + (1 - decay) * current
    assert float(plan.averaged.module.weight) == pytest.approx(expected)


def test_average_takes_no_part_in_the_optimisation():
    plan = SetTrainingPlan(nn.Linear(2, 1), max_steps=100)
    optimized = {id(p) for group in plan.configure_optimizers()["optimizer"].param_groups for p in group["params"]}
    assert optimized == {id(p) for p in plan.module.parameters()}
    assert not any(p.requires_grad for p in plan.averaged.parameters())


def test_validation_is_of_the_averaged_weights(monkeypatch):
    plan, logged = SetTrainingPlan(_Loss(), max_steps=100), {}
    monkeypatch.setattr(plan, "log", lambda name, value, **options: logged.update({name: float(value.detach())}))
    for step in range(5):
        _step(plan, step)
        plan.validation_step(SimpleNamespace(step=step), step)
        assert logged["validation_loss"] == pytest.approx(float(plan.averaged.module.weight))
    assert float(plan.averaged.module.weight) < float(plan.module.weight.detach()) - 0.3


class _Loss(nn.Module):
    """Its loss is its weight."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, batch):
        return None, SimpleNamespace(loss=self.weight, extra_metrics={})
