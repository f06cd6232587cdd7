"""Counts at other rates: closed forms of negative binomials."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from scgde.data.representations._count_rates import CountRates

N_CELLS, SIZE = 20_000, 1000.0
THETA = np.array([1.0, 5.0, 2.0, 50.0])
SHARE = np.array([0.4, 0.3, 0.2, 0.1])


def drawn(rng: np.random.Generator) -> np.ndarray:
    """Negative binomial counts of four genes, library sizes of 20 to 60."""
    mean = rng.uniform(20, 60, (N_CELLS, 1)) * SHARE
    return rng.poisson(rng.gamma(THETA, mean / THETA))


@pytest.fixture(scope="module")
def counts() -> np.ndarray:
    return drawn(np.random.default_rng(0))


@pytest.fixture(scope="module")
def rates(counts) -> CountRates:
    return CountRates.of(sparse.csr_matrix(counts), SIZE)


def test_rates_are_the_moments_of_dense_counts(counts, rates):
    x = counts[:500].astype(float)
    found = CountRates.of(sparse.csr_matrix(x), SIZE)
    library = x.sum(axis=1, keepdims=True)
    mean = library * x.sum(axis=0) / x.sum()
    dispersion = (np.square(x - mean) - mean).sum(axis=0) / np.square(mean).sum(axis=0)
    np.testing.assert_allclose(found.share, x.sum(axis=0) / x.sum())
    np.testing.assert_allclose(1 / found.theta, np.maximum(dispersion, 0.01), rtol=1e-9)
    np.testing.assert_allclose(found.level, np.log1p(x / np.maximum(library, 1) * SIZE).mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(rates.share, SHARE, atol=0.02)


def test_nothing_changes_at_a_fold_change_of_one(counts, rates):
    fold = rates.fold_changes(np.zeros(counts.shape, dtype=np.float32))
    assert (fold == 1).all()
    np.testing.assert_array_equal(rates.at_fold_changes(counts, fold, np.random.default_rng(1)), counts)


def test_only_genes_whose_rate_changes_are_drawn(counts, rates):
    fold = np.ones(counts.shape)
    fold[:, 0], fold[:, 1] = 3.0, 0.2
    moved = rates.at_fold_changes(counts, fold, np.random.default_rng(1))
    np.testing.assert_array_equal(moved[:, 2:], counts[:, 2:])
    assert (moved[:, 0] >= counts[:, 0]).all()
    assert (moved[:, 1] <= counts[:, 1]).all()
    assert moved.min() >= 0


@pytest.mark.parametrize("fold", [0.3, 0.9, 1.5, 4.0])
def test_moments_are_those_of_the_negative_binomial_at_the_new_rate(fold):
    rng, library, mean = np.random.default_rng(0), 10_000, np.array([2.0, 6.0, 12.0, 30.0])
    x = rng.poisson(rng.gamma(THETA, mean / THETA, size=(N_CELLS, 4)))
    # A fifth gene, which stays, fills all cells up to one library size.
    x = np.concatenate([x, library - x.sum(axis=1, keepdims=True)], axis=1)
    rates = CountRates(np.array([*mean, library - mean.sum()]) / library, np.array([*THETA, 100.0]), np.ones(5))
    moved = rates.at_fold_changes(x, np.broadcast_to([fold] * 4 + [1.0], x.shape), rng)
    new = fold * mean
    np.testing.assert_allclose(moved[:, :4].mean(axis=0), new, rtol=0.03)
    np.testing.assert_allclose(moved[:, :4].var(axis=0), new + new**2 / THETA, rtol=0.1)


def test_fold_changes_are_ratios_of_normalised_expression_within_bounds(rates):
    step = np.array([[0.1, -0.2, 0.0, 50.0], [-50.0, 0.3, 0.0, 0.0]])
    fold = rates.fold_changes(step)
    level = rates.level
    expected = np.expm1(level + step) / np.expm1(level)
    np.testing.assert_allclose(fold[0, :3], expected[0, :3])
    np.testing.assert_allclose(fold[1, 1:], expected[1, 1:])
    assert fold[0, 3] == 20.0
    assert fold[1, 0] == 1 / 20


def test_cells_and_genes_without_counts_stay_empty():
    x = np.array([[3, 0, 2], [0, 0, 0], [1, 0, 4]])
    rates = CountRates.of(sparse.csr_matrix(x), 5.0)
    assert all(np.isfinite(part).all() for part in rates)
    moved = rates.at_fold_changes(x, np.full(x.shape, 10.0), np.random.default_rng(0))
    assert (moved[1] == 0).all()
    assert (moved[:, 1] == 0).all()
    assert moved.sum() > x.sum()
