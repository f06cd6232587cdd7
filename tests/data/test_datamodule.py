from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from scgde.data import BatchSpec, SetDataModule
from scgde.data._datamodule import gather_cells
from scgde.data.stores import DenseStore
from scgde.nn.cells import Measure
from scgde.sets import SetSplit

SPEC = BatchSpec(sets_per_batch=4, set_size=6, target_size=3)


@pytest.fixture
def data_module(index, codes, cell_sets):
    """Made with any sets; features are the number of the cell and of its set."""

    def make(*, validation_sets=(35, 36), trainer=None, max_steps=25, set_weights=None):
        made = SetDataModule(
            cell_sets(np.stack([np.arange(len(codes)), codes], axis=1), index),
            split=SetSplit(np.arange(30), np.array(validation_sets, dtype=int)),
            spec=SPEC,
            steps_per_epoch=10,
            max_steps=max_steps,
            seed=0,
            set_weights=set_weights,
        )
        made.trainer = trainer
        return made

    return make


def trainer_at(step, *, world_size=1, rank=0, accumulate=1):
    strategy = SimpleNamespace(root_device=torch.device("cpu"))
    options = {"world_size": world_size, "global_rank": rank, "accumulate_grad_batches": accumulate}
    return SimpleNamespace(global_step=step, strategy=strategy, **options)


def steps_of(loader):
    return [batch.step for batch in loader]


def test_epochs_follow_each_other_until_max_steps(data_module):
    epochs = [steps_of(data_module(trainer=trainer_at(done)).train_dataloader()) for done in (0, 10, 20)]
    assert epochs == [list(range(10)), list(range(10, 20)), list(range(20, 25))]


def test_a_resumed_fit_sees_the_batches_that_it_would_have_seen(data_module, assert_same):
    whole = list(data_module(trainer=trainer_at(0)).train_dataloader())
    resumed = list(data_module(trainer=trainer_at(4)).train_dataloader())
    for before, after in zip(whole[4:], resumed, strict=False):
        assert_same(before, after)


def test_devices_share_the_batches_that_one_accumulates(data_module):
    for done in (0, 10):
        options = [{"world_size": 2, "rank": rank} for rank in (0, 1)] + [{"accumulate": 2}]
        loaders = [data_module(trainer=trainer_at(done, **option)).train_dataloader() for option in options]
        first, second, accumulated = map(steps_of, loaders)
        assert [first[0], second[0], len(first)] == [2 * done, 2 * done + 1, 10]
        assert sorted(first + second) == accumulated


@pytest.mark.parametrize(("world_size", "n_batches"), [(1, 4), (2, 2), (3, 2), (8, 1)])
def test_devices_validate_on_equally_many_batches_of_their_own(data_module, world_size, n_batches):
    trainers = [trainer_at(0, world_size=world_size, rank=rank) for rank in range(world_size)]
    parts = [steps_of(data_module(trainer=trainer).val_dataloader()) for trainer in trainers]
    assert [len(part) for part in parts] == [n_batches] * world_size
    assert sorted(step for part in parts for step in part) == list(range(n_batches * world_size))


def test_batches_hold_training_sets_only(data_module, codes):
    for batch in data_module().train_dataloader():
        assert codes[batch.encoder.x.numpy()].max() < 30
    for batch in data_module().val_dataloader():
        assert set(codes[batch.target.x.numpy()].ravel()) <= {35, 36}


def test_validation_is_always_on_the_same_draws(data_module, assert_same):
    first, again = (list(data_module(trainer=trainer_at(step)).val_dataloader()) for step in (0, 10))
    for a, b in zip(first, again, strict=True):
        assert_same(a, b)


def test_weights_choose_among_training_and_among_validation_sets(data_module, codes):
    weights = np.where(np.isin(np.arange(40), [5, 36]), 1.0, 1e-12)
    made = data_module(set_weights=weights)
    for loader, only in ((made.train_dataloader(), 5), (made.val_dataloader(), 36)):
        for batch in loader:
            assert (codes[batch.encoder.x.numpy()] == only).all()


def test_validation_may_be_empty(data_module):
    assert len(data_module(validation_sets=()).val_dataloader()) == 0


def test_rows_are_replaced_by_cells_on_the_device(data_module, codes, assert_same):
    made = data_module()
    batch = next(iter(made.train_dataloader()))
    gathered = made.on_after_batch_transfer(batch, 0)
    for rows, cells in ((batch.encoder.x.numpy(), gathered.encoder.x), (batch.target.x.numpy(), gathered.target.x)):
        np.testing.assert_array_equal(cells.numpy(), np.stack([rows, codes[rows]], axis=-1))
    rows = {"encoder": batch.encoder.x, "target": batch.target.x}
    weights = {"encoder": gathered.encoder.weights, "target": gathered.target.weights}
    assert_same(gathered._replace(**{view: Measure(rows[view], weights[view]) for view in rows}), batch)


def test_gather_cells_gives_each_view_its_own_cells(data_module, cell_sets, index, codes):
    batch = next(iter(data_module().train_dataloader()))
    cells = cell_sets(codes[:, None], index, target=np.stack([codes, -codes], axis=1))
    gathered = gather_cells(cells, batch)
    np.testing.assert_array_equal(gathered.encoder.x.numpy(), codes[batch.encoder.x.numpy()][..., None])
    signs = np.array([1, -1])
    np.testing.assert_array_equal(gathered.target.x.numpy(), codes[batch.target.x.numpy()][..., None] * signs)
    assert torch.equal(gathered.encoder.weights, batch.encoder.weights)
    assert torch.equal(gathered.target.weights, batch.target.weights)


def test_batches_hold_the_covariates_of_their_sets(index, codes, cell_sets):
    label = np.arange(index.n_sets) / 7
    made = SetDataModule(
        cell_sets(codes[:, None], index),
        split=SetSplit(np.arange(30), np.array([35, 36])),
        spec=SPEC,
        steps_per_epoch=3,
        max_steps=3,
        seed=0,
        covariates={"label": label},
    )
    for batch in (*made.train_dataloader(), *made.val_dataloader()):
        np.testing.assert_array_equal(batch.covariates["label"], label[batch.sets.numpy()])


class Slow(DenseStore):
    slow = "it is far away"


@pytest.fixture
def slow_and_fast(data_module, cell_sets, index, codes):
    """Batches of which one view is read ahead."""
    made, x = data_module(trainer=trainer_at(0)), np.stack([codes, -codes], axis=1).astype(np.float32)
    cells = cell_sets(x, index)
    return made, replace(cells, encoder=cells.encoder._replace(store=Slow(x))), x


def test_slow_cells_are_read_before_the_batch_is_moved(slow_and_fast):
    made, cells, x = slow_and_fast
    rows = next(iter(made.train_dataloader()))
    made._cells = cells
    batch = next(iter(made.train_dataloader()))
    np.testing.assert_array_equal(batch.encoder.x, x[rows.encoder.x])
    np.testing.assert_array_equal(batch.target.x, rows.target.x)
    gathered = made.on_after_batch_transfer(batch, 0)
    np.testing.assert_array_equal(gathered.encoder.x, batch.encoder.x)
    np.testing.assert_array_equal(gathered.target.x, x[rows.target.x])


def test_cells_that_a_device_does_not_hold_are_read_before(slow_and_fast):
    made, _, x = slow_and_fast
    made.trainer.strategy.root_device = torch.device("meta")
    assert not made._is_read_ahead(DenseStore(x))
    assert made._is_read_ahead(DenseStore(x, max_device_bytes=0))
    made.trainer.strategy.root_device = torch.device("cpu")
    assert not made._is_read_ahead(DenseStore(x, max_device_bytes=0))
