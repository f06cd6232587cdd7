from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from scgde.data import BatchSpec, CellSets, CellView, SetDataModule, SetIndex, open_store
from scgde.data.representations import Vectors
from scgde.module._loss_output import LossOutput
from scgde.sets import SetSplit
from scgde.train import SetTrainingPlan, run_training


class Mean(nn.Module):
    """Regress the mean of all cells: the least squares solution is known."""

    def __init__(self) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(2))

    def forward(self, batch):
        error = (batch.target.x - self.mean).square().mean(-1)
        return None, LossOutput(loss=(error * batch.target.weights).sum(-1).mean())


@pytest.fixture
def train():
    def run(max_steps=60, *, validation_sets=(4,), patience=None, checkpoint_dir=None, lr=0.1, **options):
        x = np.random.default_rng(0).normal([3, -1], 0.1, size=(100, 2)).astype(np.float32)
        cells, index = CellView(Vectors.unnamed(2), open_store(x)), SetIndex.from_codes(np.repeat(np.arange(5), 20), 5)
        data = SetDataModule(
            CellSets(cells, cells, index, pd.DataFrame(index=list("abcde"))),
            split=SetSplit(np.arange(4), np.array(validation_sets, dtype=int)),
            spec=BatchSpec(sets_per_batch=4, set_size=4, target_size=8),
            steps_per_epoch=20,
            max_steps=max_steps,
            seed=0,
        )
        plan = SetTrainingPlan(Mean(), max_steps=max_steps, lr=lr, weight_decay=0.0, warmup_steps=5, **options)
        history = run_training(
            plan,
            data,
            max_steps=max_steps,
            patience=patience,
            validate=len(validation_sets) > 0,
            checkpoint_dir=checkpoint_dir,
            progress_bar=False,
            accelerator="cpu",
            gradient_clip_val=1.0,
        )
        return plan, history

    return run


def test_training_reaches_the_least_squares_solution(train):
    plan, _ = train(200, ema_decay=0.9)
    np.testing.assert_allclose(plan.module.mean.detach(), [3, -1], atol=0.1)


def test_training_takes_as_many_steps_as_asked_for(train):
    _, history = train(47)
    assert history["step"].tolist() == [10, 20, 30, 40, 47]
    assert history["validation_loss"].notna().tolist() == [False, True, False, True, True]


def test_training_without_validation_keeps_the_last_average(train):
    plan, history = train(validation_sets=(), ema_decay=0.9)
    assert history["validation_loss"].isna().all()
    torch.testing.assert_close(plan.module.mean, plan.averaged.module.mean)


def test_training_with_validation_keeps_the_best_average(train):
    plan, history = train(100, lr=3.0, ema_decay=0.0)
    x = np.random.default_rng(0).normal([3, -1], 0.1, size=(100, 2))[80:]
    best = ((x - plan.module.mean.detach().numpy()) ** 2).mean()
    # Validation draws cells, with the same seed each time.
    assert best == pytest.approx(history["validation_loss"].min(), rel=0.2)
    assert history["validation_loss"].min() < 0.5 * history["validation_loss"].max()


def test_training_stops_when_patience_ends(train):
    _, history = train(1000, lr=10.0, ema_decay=0.0, patience=2)
    losses = history["validation_loss"].dropna()
    assert history["step"].iloc[-1] < 1000
    assert losses.idxmin() == losses.index[-3]


def test_training_on_the_same_seed_repeats(train):
    (one, _), (other, _) = train(20), train(20)
    assert torch.equal(one.module.mean, other.module.mean)


def test_training_refuses_a_state_of_another_identity(train, tmp_path):
    train(20, checkpoint_dir=tmp_path, identity={"lr": 0.1, "data": "a"})
    with pytest.raises(ValueError, match=r"got other \['data', 'seed'\]"):
        train(20, checkpoint_dir=tmp_path, identity={"lr": 0.1, "data": "b", "seed": 3})


def test_training_raises_what_a_callback_raises(train, monkeypatch):
    monkeypatch.setattr(
        SetTrainingPlan, "optimizer_step", lambda *args, **kwargs: (_ for _ in ()).throw(OSError("disk"))
    )
    with pytest.raises(OSError, match="disk"):
        train()


def test_training_leaves_an_exit_of_others_alone(train, monkeypatch):
    def leave(*args, **kwargs):
        raise SystemExit(3)

    monkeypatch.setattr(SetTrainingPlan, "optimizer_step", leave)
    with pytest.raises(SystemExit) as caught:
        train()
    assert caught.value.code == 3
