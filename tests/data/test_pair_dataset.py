from __future__ import annotations

import numpy as np
import pytest
import torch

from scgde.data import BatchSpec, PairDataset, Pairs, SetDataModule, hold_out_pairs, open_store
from scgde.data._pair_dataset import draw_chain

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
    return np.stack([batch["sets"][batch[end]].numpy() for end in ("source", "target")], axis=1)


def is_given(found, codes=GIVEN):
    return (found[:, None] == np.asarray(codes)[None]).all(-1).any(-1)


@pytest.mark.parametrize(("fraction", "n_given"), [(0.0, 0), (0.25, 5), (0.5, 10), (1.0, 20)])
def test_share_of_the_given_pairs_is_exact(index, fraction, n_given):
    found = drawn(dataset(index, pairs([[0, 1]], fraction=fraction))[0])
    assert len(found) == 20
    assert is_given(found[:n_given], [[0, 1]]).all()
    assert is_given(found[n_given:], [[0, 1]]).sum() < 5


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
    for view in ("encoder", "generator"):
        np.testing.assert_array_equal(codes[batch[f"{view}_rows"].numpy()][:, 0], batch["sets"].numpy())


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
    place = np.searchsorted([7, 8, 20, 30], drawn(batch))
    count = np.zeros((4, 4))
    np.add.at(count, tuple(place.T), 1)
    expected = np.outer(weights, weights) * (1 - np.eye(4))
    np.testing.assert_allclose(count / count.sum(), expected / expected.sum(), atol=0.015)


def test_chain_survives_the_rounding_of_extreme_weights():
    weights = np.array([1e-12, 1.0, 1e-12, 1e-12])
    chain = draw_chain(weights, 1000, rng=np.random.default_rng(0))
    assert (chain[1:] != chain[:-1]).all()
    assert set(chain) == {0, 1, 2, 3}


def test_random_pairs_embed_one_set_more_than_there_are_pairs(index):
    assert dataset(index, pairs([]))[0]["sets"].shape == (21,)
    assert dataset(index, pairs(fraction=0.25))[0]["sets"].shape == (2 * 5 + 16,)
    assert dataset(index, pairs(fraction=1.0))[0]["sets"].shape == (40,)


def test_item_is_a_function_of_seed_and_step(index):
    first, again = dataset(index, pairs(), steps=range(10))[7], dataset(index, pairs(), steps=range(5, 8))[2]
    assert first.keys() == again.keys()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["encoder_rows"], dataset(index, pairs())[6]["encoder_rows"])
    assert not torch.equal(first["encoder_rows"], dataset(index, pairs(), seed=1)[7]["encoder_rows"])


def test_mixtures_are_paired_too(index):
    batch = dataset(index, pairs(), spec=SPEC._replace(n_mixed=2))[0]
    assert batch["encoder_rows"].shape == (len(batch["sets"]), 6)
    torch.testing.assert_close(batch["generator_weights"].sum(1), torch.ones(len(batch["sets"])))


def test_splitter_keeps_pairs_within_their_part(index, codes):
    splitter = SetDataModule(
        open_store(codes[:, None]),
        index,
        train_sets=np.arange(30),
        validation_sets=np.array([30, 31, 32]),
        spec=SPEC,
        steps_per_epoch=5,
        max_steps=5,
        seed=0,
        pairs=pairs(fraction=0.5),
    )
    train, validation = (
        np.concatenate([drawn(batch) for batch in loader])
        for loader in (splitter.train_dataloader(), splitter.val_dataloader())
    )
    assert train.max() < 30
    assert validation.min() >= 30
    assert is_given(train, GIVEN[[0, 1, 4]]).mean() >= 0.5
    assert is_given(validation, GIVEN[[3]]).mean() >= 0.5


@pytest.mark.parametrize("seed", range(5))
def test_hold_out_pairs_parts_no_pair(seed):
    linked = np.array([[0, 1], [1, 2], [3, 4], [5, 6], [7, 8], [9, 3]])
    train, validation = hold_out_pairs(linked, 30, 0.2, seed=seed)
    np.testing.assert_array_equal(np.sort(np.append(train, validation)), np.arange(30))
    for pair in linked:
        assert np.isin(pair, validation).sum() in (0, 2)
    assert 6 <= len(validation) <= 8


@pytest.mark.parametrize(
    ("n_sets", "fraction", "n_validation"), [(10, 0.1, 2), (10, 0.0, 0), (10, 1.0, 8), (3, 0.5, 0), (4, 0.1, 2)]
)
def test_hold_out_pairs_holds_out_two_sets_or_more_while_two_are_left(n_sets, fraction, n_validation):
    train, validation = hold_out_pairs(np.empty((0, 2), dtype=int), n_sets, fraction, seed=0)
    assert (len(train), len(validation)) == (n_sets - n_validation, n_validation)


def test_hold_out_pairs_depends_on_the_seed_only():
    first, again, other = (hold_out_pairs(GIVEN, 100, 0.2, seed=seed)[1] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
