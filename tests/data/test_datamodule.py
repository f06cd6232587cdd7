from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from scgde.data import BatchSpec, SetDataModule, gather_views, hold_out, open_store

SPEC = BatchSpec(sets_per_batch=4, set_size=6, target_size=3)


@pytest.fixture
def splitter(index, codes):
    """Made with any sets; features are the number of the cell and of its set."""

    def make(*, validation_sets=(35, 36), trainer=None, max_steps=25, set_weights=None):
        made = SetDataModule(
            open_store(np.stack([np.arange(len(codes)), codes], axis=1)),
            index,
            train_sets=np.arange(30),
            validation_sets=np.array(validation_sets, dtype=int),
            spec=SPEC,
            steps_per_epoch=10,
            max_steps=max_steps,
            seed=0,
            set_weights=set_weights,
        )
        made.trainer = trainer
        return made

    return make


def trainer_at(step, *, world_size=1):
    return SimpleNamespace(global_step=step, world_size=world_size)


def steps_of(loader):
    return [int(batch["step"]) for batch in loader]


def test_epochs_follow_each_other_until_max_steps(splitter):
    epochs = [steps_of(splitter(trainer=trainer_at(done)).train_dataloader()) for done in (0, 10, 20)]
    assert epochs == [list(range(10)), list(range(10, 20)), list(range(20, 25))]


def test_a_resumed_fit_sees_the_batches_that_it_would_have_seen(splitter):
    whole = list(splitter(trainer=trainer_at(0)).train_dataloader())
    resumed = list(splitter(trainer=trainer_at(4)).train_dataloader())
    for before, after in zip(whole[4:], resumed, strict=False):
        assert all(torch.equal(before[name], after[name]) for name in before)


def test_each_device_gets_batches_of_its_own(splitter):
    epochs = [steps_of(splitter(trainer=trainer_at(d, world_size=2)).train_dataloader()) for d in (0, 10)]
    assert epochs == [list(range(20)), list(range(20, 40))]


def test_batches_hold_training_sets_only(splitter, codes):
    for batch in splitter().train_dataloader():
        assert codes[batch["encoder_rows"].numpy()].max() < 30
    for batch in splitter().val_dataloader():
        assert set(codes[batch["generator_rows"].numpy()].ravel()) <= {35, 36}


def test_validation_is_always_on_the_same_draws(splitter):
    first, again = (list(splitter(trainer=trainer_at(step)).val_dataloader()) for step in (0, 10))
    for a, b in zip(first, again, strict=True):
        assert all(torch.equal(a[name], b[name]) for name in a)


def test_weights_choose_among_training_and_among_validation_sets(splitter, codes):
    weights = np.where(np.isin(np.arange(40), [5, 36]), 1.0, 1e-12)
    made = splitter(set_weights=weights)
    for loader, only in ((made.train_dataloader(), 5), (made.val_dataloader(), 36)):
        for batch in loader:
            assert (codes[batch["encoder_rows"].numpy()] == only).all()


def test_validation_may_be_empty(splitter):
    assert len(splitter(validation_sets=()).val_dataloader()) == 0


def test_rows_are_replaced_by_features_on_the_device(splitter, codes):
    made = splitter()
    batch = next(iter(made.train_dataloader()))
    rows = {view: batch[f"{view}_rows"].numpy() for view in ("encoder", "generator")}
    gathered = made.on_after_batch_transfer(dict(batch), 0)
    assert gathered.keys() == {"step", "encoder", "generator", "encoder_weights", "generator_weights"}
    for view, cells in rows.items():
        np.testing.assert_array_equal(gathered[view].numpy(), np.stack([cells, codes[cells]], axis=-1))


def test_gather_views_keeps_the_weights(splitter, codes):
    batch = next(iter(splitter().train_dataloader()))
    gathered = gather_views(open_store(codes[:, None]), dict(batch))
    assert torch.equal(gathered["encoder_weights"], batch["encoder_weights"])


@pytest.mark.parametrize(
    ("n_sets", "fraction", "n_validation"),
    [(10, 0.1, 1), (10, 0.0, 0), (10, 0.25, 2), (10, 1.0, 8), (2, 0.5, 0), (3, 0.5, 1), (1000, 0.1, 100)],
)
def test_hold_out_parts_the_sets(n_sets, fraction, n_validation):
    train, validation = hold_out(n_sets, fraction, seed=0)
    assert len(validation) == n_validation
    np.testing.assert_array_equal(np.sort(np.concatenate([train, validation])), np.arange(n_sets))


def test_hold_out_depends_on_the_seed_only():
    first, again, other = (hold_out(100, 0.2, seed=seed)[1] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
