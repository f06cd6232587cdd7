from __future__ import annotations

import numpy as np
import pytest
import torch

from scgde.data import BatchSpec, PairDataset, Pairs, SetDataModule
from scgde.data._pair_dataset import Chain
from scgde.sets import SetSplit

SPEC = BatchSpec(sets_per_batch=20, set_size=6, target_size=3)
GIVEN = np.array([[0, 1], [2, 3], [4, 30], [31, 32], [5, 5 + 1]])


def pairs(codes=GIVEN, *, weights=None, fraction=0.25):
    codes = np.asarray(codes, dtype=int).reshape(-1, 2)
    return Pairs(codes, np.ones(len(codes)) if weights is None else np.asarray(weights, dtype=float), fraction)


def dataset(index, given, *, sets=None, spec=SPEC, steps=range(10), seed=0, **options):
    sets = np.arange(index.n_sets) if sets is None else np.asarray(sets)
    return PairDataset(index, sets, given, spec, steps=steps, seed=seed, **options)


def drawn(batch):
    """Source and target set of each pair, shape ``(sets_per_batch, 2)``."""
    return np.stack([batch.sets[end].numpy() for end in (batch.source, batch.destination)], axis=1)


def is_given(found, codes=GIVEN):
    return (found[:, None] == np.asarray(codes)[None]).all(-1).any(-1)


@pytest.mark.parametrize(("fraction", "n_given"), [(0.0, 0), (0.25, 5), (0.5, 10), (1.0, 20)])
def test_share_of_the_given_pairs_is_exact(index, fraction, n_given):
    found = drawn(dataset(index, pairs([[0, 1]], fraction=fraction))[0])
    assert len(found) == 20
    assert is_given(found[:n_given], [[0, 1]]).all()
    assert is_given(found[n_given:], [[0, 1]]).sum() < 5


@pytest.mark.parametrize(("dropout", "n_without"), [(0.0, 0), (0.4, 2), (1.0, 5)])
def test_a_share_of_the_given_pairs_alone_comes_without_a_target(index, dropout, n_without):
    batch = dataset(index, pairs([[0, 1]])._replace(target_dropout=dropout))[0]
    without = np.zeros(20, dtype=bool) if batch.without_target is None else batch.without_target.numpy()
    assert without.sum() == n_without
    assert is_given(drawn(batch)[without], [[0, 1]]).all()
    assert dataset(index, pairs([])._replace(target_dropout=dropout))[0].without_target is None


def test_without_given_pairs_all_are_random(index):
    found = np.concatenate([drawn(batch) for batch in dataset(index, pairs([]))])
    assert len(found) == 200
    assert len(np.unique(found)) == index.n_sets


def test_no_set_is_paired_with_itself(index):
    found = np.concatenate([drawn(batch) for batch in dataset(index, pairs(), sets=[2, 3], steps=range(50))])
    assert (found[:, 0] != found[:, 1]).all()
    assert set(found.ravel()) == {2, 3}


def test_views_are_of_the_sets_that_are_named(index, codes):
    batch = dataset(index, pairs())[0]
    for measure in (batch.encoder, batch.target):
        np.testing.assert_array_equal(codes[measure.x.numpy()], np.broadcast_to(batch.sets[:, None], measure.x.shape))


def test_pairs_that_leave_the_sets_are_never_drawn(index):
    found = np.concatenate([drawn(b) for b in dataset(index, pairs(fraction=1.0), sets=np.arange(20))])
    assert is_given(found, GIVEN[[0, 1, 4]]).all()
    assert found.max() < 20


def test_given_pairs_come_by_their_weights(index):
    given = pairs([[0, 1], [2, 3], [4, 5]], weights=[1, 2, 5], fraction=1.0)
    found = drawn(dataset(index, given, spec=SPEC._replace(sets_per_batch=8000))[0])
    np.testing.assert_allclose(np.bincount(found[:, 0], minlength=5)[::2] / 8000, [1 / 8, 2 / 8, 5 / 8], atol=0.02)


def test_random_pairs_come_by_the_product_of_the_weights(index):
    weights = np.array([0.5, 0.25, 0.125, 0.125])
    spec = SPEC._replace(sets_per_batch=20_000)
    batch = dataset(index, pairs([]), sets=[7, 8, 20, 30], spec=spec, probabilities=weights)[0]
    found = np.searchsorted([7, 8, 20, 30], drawn(batch))
    count = np.zeros((4, 4))
    np.add.at(count, tuple(found.T), 1)
    expected = np.outer(weights, weights) * (1 - np.eye(4))
    np.testing.assert_allclose(count / count.sum(), expected / expected.sum(), atol=0.015)


def test_chain_survives_the_rounding_of_extreme_weights():
    weights = np.array([1e-12, 1.0, 1e-12, 1e-12])
    chain = Chain(weights).draw(1000, rng=np.random.default_rng(0))
    assert (chain[1:] != chain[:-1]).all()
    assert set(chain) == {0, 1, 2, 3}


def test_random_pairs_embed_one_set_more_than_there_are_pairs(index):
    assert dataset(index, pairs([]))[0].sets.shape == (21,)
    assert dataset(index, pairs(fraction=0.25))[0].sets.shape == (2 * 5 + 16,)
    assert dataset(index, pairs(fraction=1.0))[0].sets.shape == (40,)


def test_item_is_a_function_of_seed_and_step(index, assert_same):
    first, again = dataset(index, pairs(), steps=range(10))[7], dataset(index, pairs(), steps=range(5, 8))[2]
    assert_same(first, again)
    assert not torch.equal(first.encoder.x, dataset(index, pairs())[6].encoder.x)
    assert not torch.equal(first.encoder.x, dataset(index, pairs(), seed=1)[7].encoder.x)


def test_mixtures_are_paired_too(index):
    batch = dataset(index, pairs(), spec=SPEC._replace(n_mixed=2))[0]
    assert batch.encoder.x.shape == (len(batch.sets), 6)
    torch.testing.assert_close(batch.target.weights.sum(1), torch.ones(len(batch.sets)))


def test_data_module_keeps_pairs_within_training_or_validation_sets(index, codes, cell_sets):
    data_module = SetDataModule(
        cell_sets(codes[:, None], index),
        split=SetSplit(np.arange(30), np.array([30, 31, 32])),
        spec=SPEC,
        steps_per_epoch=5,
        max_steps=5,
        seed=0,
        pairs=pairs(fraction=0.5),
    )
    train, validation = (
        np.concatenate([drawn(batch) for batch in loader])
        for loader in (data_module.train_dataloader(), data_module.val_dataloader())
    )
    assert train.max() < 30
    assert validation.min() >= 30
    assert is_given(train, GIVEN[[0, 1, 4]]).mean() >= 0.5
    assert is_given(validation, GIVEN[[3]]).mean() >= 0.5


def test_pairs_of_gives_equal_weights_by_default():
    np.testing.assert_array_equal(Pairs.of(GIVEN, None, 0.5).weights, np.ones(len(GIVEN)))
    np.testing.assert_array_equal(Pairs.of(GIVEN[:2], [1, 3], 0.5).weights, [1, 3])


@pytest.mark.parametrize(
    ("weights", "fraction", "match"),
    [
        ([1, 2], 0.5, r"`pair_weights` must be a positive number for each of 5 pairs, got \[1, 2\]"),
        ([1, 1, 1, 1, 0], 0.5, "`pair_weights` must be a positive number for each of 5 pairs"),
        ([1, 1, 1, 1, np.inf], 0.5, "`pair_weights` must be a positive number for each of 5 pairs"),
        (None, 1.5, r"`pair_fraction` must be a number in \[0, 1\], got 1.5"),
    ],
)
def test_pairs_of_says_what_is_wrong(weights, fraction, match):
    with pytest.raises(ValueError, match=match):
        Pairs.of(GIVEN, weights, fraction)


def test_pairs_within_keeps_those_of_two_such_sets_with_their_weights():
    inside = pairs(weights=[1, 2, 3, 4, 5]).within(np.array([2, 3, 4, 31, 32]))
    np.testing.assert_array_equal(inside.codes, GIVEN[[1, 3]])
    assert inside.weights.tolist() == [2, 4]


@pytest.mark.parametrize(
    ("sets", "name", "fraction", "match"),
    [
        ([0, 2, 4], "training", 1.0, "The training sets must hold one of `pairs`, as `pair_fraction` is 1, got 3 sets"),
        ([0], "training", 0.5, "The training sets must hold two sets, got 1 sets and 5 pairs"),
        ([], "training", 0.5, "The training sets must hold two sets, got 0 sets"),
        ([7], "validation", 0.5, "The validation sets must hold two sets, got 1 sets"),
    ],
)
def test_sets_that_hold_no_pair_are_refused(sets, name, fraction, match):
    with pytest.raises(ValueError, match=match):
        pairs(fraction=fraction).check_can_be_drawn(np.array(sets, dtype=int), name)


@pytest.mark.parametrize(
    ("sets", "name", "fraction"), [([0, 1], "training", 1.0), ([0, 2], "training", 0.5), ([], "validation", 1.0)]
)
def test_sets_that_hold_a_pair_are_accepted_and_no_validation_sets_too(sets, name, fraction):
    pairs(fraction=fraction).check_can_be_drawn(np.array(sets, dtype=int), name)
