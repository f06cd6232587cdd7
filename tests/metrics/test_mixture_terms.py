from __future__ import annotations

import numpy as np
import pytest

from scgde.metrics import energy_distance
from scgde.metrics._mixture_terms import MixtureTerms


@pytest.fixture
def parts() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=(1, 7, 3)), rng.normal(1, size=(4, 7, 3)), rng.normal(-1, size=(2, 7, 3))]


@pytest.fixture
def target() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(9, 3))


@pytest.mark.parametrize("unbiased", [False, True])
def test_terms_of_one_draw_are_the_energy_distance(parts, target, unbiased):
    terms = MixtureTerms.of(parts, target, n_cells=np.inf if unbiased else None)
    assert terms.loss(np.eye(3)[0]) == pytest.approx(energy_distance(parts[0][0], target, unbiased=unbiased))


def test_terms_of_a_mixture_are_the_energy_distance_of_its_weighted_cells(parts, target):
    shares = np.array([0.5, 0.3, 0.2])
    cells = np.concatenate([part.reshape(-1, 3) for part in parts])
    each = [np.full(part[..., 0].size, share / part[..., 0].size) for part, share in zip(parts, shares, strict=True)]
    weights = np.concatenate(each)
    expected = energy_distance(cells, target, x_weights=weights)
    assert MixtureTerms.of(parts, target).loss(shares) == pytest.approx(expected)


def test_unbiased_terms_compare_no_cell_with_a_copy_of_itself(target):
    cells = np.random.default_rng(2).normal(size=(6, 3))
    copies = np.stack([cells] * 5)
    terms = MixtureTerms.of([cells[None], copies], target, n_cells=np.inf)
    expected = energy_distance(cells, target, unbiased=True)
    for shares in ([1, 0], [0, 1], [0.4, 0.6]):
        assert terms.loss(np.array(shares)) == pytest.approx(expected)


def test_terms_of_some_cells_stand_for_those_of_all(target):
    cells = np.random.default_rng(3).normal(size=(200, 3))
    expected = energy_distance(cells, target)
    some = [MixtureTerms.of([cells[None, i : i + 10]], target, n_cells=200).loss(np.ones(1)) for i in range(0, 200, 10)]
    few = [MixtureTerms.of([cells[None, i : i + 10]], target).loss(np.ones(1)) for i in range(0, 200, 10)]
    assert abs(np.mean(some) - expected) < 0.1 * (np.mean(few) - expected)
