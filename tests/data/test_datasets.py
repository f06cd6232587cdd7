from __future__ import annotations

import numpy as np
import pytest
import torch

from scgde.data import BatchSpec, SetBatchDataset, SetIndex

SPEC = BatchSpec(sets_per_batch=5, set_size=12, target_size=6)
VIEWS = ("encoder", "target")


def dataset(index, *, sets=None, spec=SPEC, steps=range(10), seed=0):
    return SetBatchDataset(index, np.arange(index.n_sets) if sets is None else sets, spec, steps=steps, seed=seed)


@pytest.fixture
def many_sets():
    """1,000 sets of 5 cells, cell i in set i % 1000."""
    return SetIndex.from_codes(np.tile(np.arange(1000), 5), 1000)


def mixed(index, *, n_mixed, alpha, n_draws=4000, **options):
    """Set of each slot, and the mass of each component of each view, shape ``(n_draws, n_mixed)``."""
    spec = BatchSpec(n_draws, 12, 6, n_mixed=n_mixed, mixing_alpha=alpha, **options)
    batch = dataset(index, spec=spec)[0]
    codes = [getattr(batch, view).x.numpy().reshape(n_draws, n_mixed, -1) % 1000 for view in VIEWS]
    mass = [getattr(batch, view).weights.numpy().reshape(n_draws, n_mixed, -1).sum(-1) for view in VIEWS]
    return codes, mass


def test_item_holds_two_views_and_its_step(index):
    batch = dataset(index, steps=range(7, 10))[1]
    assert batch.step == 8
    for measure, n_slots in ((batch.encoder, 12), (batch.target, 6)):
        assert measure.x.shape == measure.weights.shape == (5, n_slots)
        torch.testing.assert_close(measure.weights.sum(1), torch.ones(5))


def test_item_is_a_function_of_seed_and_step(index, assert_same):
    assert_same(dataset(index, steps=range(10))[7], dataset(index, steps=range(5, 8))[2])
    first, other_step, other_seed = dataset(index)[0], dataset(index)[1], dataset(index, seed=1)[0]
    assert not torch.equal(first.encoder.x, other_step.encoder.x)
    assert not torch.equal(first.encoder.x, other_seed.encoder.x)


def test_dataset_ends_with_its_steps(index):
    assert len(dataset(index, steps=range(5, 8))) == 3
    with pytest.raises(IndexError):
        dataset(index, steps=range(5, 8))[3]


def test_only_the_given_sets_are_drawn_and_each_as_often(index, codes):
    sets = np.array([3, 17, 20])
    batch = dataset(index, sets=sets, spec=SPEC._replace(sets_per_batch=3000))[0]
    drawn = codes[batch.encoder.x[:, 0].numpy()]
    counts = np.bincount(drawn, minlength=40)
    assert set(np.flatnonzero(counts)) == set(sets)
    assert np.abs(counts[sets] - 1000).max() < 5 * np.sqrt(1000 * 2 / 3)


@pytest.mark.parametrize("n_mixed", [2, 3, 5])
@pytest.mark.parametrize("alpha", [2**-5, 1.0, 2**5])
def test_mixing_mass_has_the_moments_of_a_dirichlet(many_sets, n_mixed, alpha):
    _, (mass, target_mass) = mixed(many_sets, n_mixed=n_mixed, alpha=alpha)
    np.testing.assert_allclose(mass.sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(target_mass, mass, atol=1e-5)
    variance = (1 / n_mixed) * (1 - 1 / n_mixed) / (n_mixed * alpha + 1)
    assert np.abs(mass.mean(0) - 1 / n_mixed).max() < 5 * np.sqrt(variance / len(mass))
    np.testing.assert_allclose(mass.var(0), variance, rtol=0.15)


def test_mixture_is_of_whole_views_of_different_sets(many_sets):
    codes, _ = mixed(many_sets, n_mixed=3, alpha=1.0)
    for view in codes:
        assert (view == view[:, :, :1]).all()
    np.testing.assert_array_equal(codes[0][:, :, 0], codes[1][:, :, 0])
    first, second, third = codes[0][:, :, 0].T
    assert np.mean((first == second) | (second == third) | (first == third)) < 0.01


def test_mixture_fills_at_least_the_asked_slots(many_sets):
    batch = dataset(many_sets, spec=SPEC._replace(n_mixed=5))[0]
    assert batch.encoder.x.shape == (5, 15)
    assert batch.target.x.shape == (5, 10)


def test_no_mixing_is_the_default(index, codes):
    batch = dataset(index)[0]
    drawn = codes[batch.encoder.x.numpy()]
    assert (drawn == drawn[:, :1]).all()


def test_sets_are_drawn_in_proportion_to_their_probabilities(index, codes):
    sets, probabilities = np.array([3, 17, 20]), np.array([0.7, 0.2, 0.1])
    spec = SPEC._replace(sets_per_batch=3000)
    weighted = SetBatchDataset(index, sets, spec, steps=range(1), seed=0, probabilities=probabilities)[0]
    counts = np.bincount(codes[weighted.encoder.x[:, 0].numpy()], minlength=40)[sets]
    assert np.abs(counts - 3000 * probabilities).max() < 5 * np.sqrt(3000 * 0.25)


def test_partners_of_a_mixture_are_drawn_in_proportion_too(many_sets):
    probabilities = np.where(np.arange(1000) < 100, 9.0, 1.0) / 1800
    spec = BatchSpec(4000, 12, 6, n_mixed=3)
    batch = SetBatchDataset(many_sets, np.arange(1000), spec, steps=range(1), seed=0, probabilities=probabilities)[0]
    codes = batch.encoder.x.numpy().reshape(4000, 3, -1)[:, :, 0] % 1000
    np.testing.assert_allclose((codes < 100).mean(axis=0), 0.5, atol=0.04)


def test_item_holds_the_covariates_of_its_sets(index, codes, assert_same):
    covariates = {"label": np.arange(index.n_sets) / 7}
    sets, spec = np.array([3, 17, 20]), SPEC._replace(sets_per_batch=30)
    batch = SetBatchDataset(index, sets, spec, steps=range(1), seed=0, covariates=covariates)[0]
    np.testing.assert_array_equal(batch.sets, codes[batch.encoder.x[:, 0].numpy()])
    np.testing.assert_array_equal(batch.covariates["label"], batch.sets.numpy() / 7)
    plain = dataset(index, sets=sets, spec=spec)[0]
    assert plain.covariates == {}
    assert_same(batch._replace(covariates={}), plain)


def test_batches_of_single_sets_have_no_pairs(index):
    batch = dataset(index)[0]
    assert batch.source is batch.destination is None
