from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import energy_distance as root_of_energy

from scgde.metrics import _pairwise, energy_distance


def slow_energy(x: np.ndarray, y: np.ndarray, *, unbiased: bool) -> float:
    def mean(a, b, pairs):
        return sum(np.linalg.norm(u - v) for u in a for v in b) / pairs

    n, m = len(x), len(y)
    n_pairs, m_pairs = (n * (n - 1), m * (m - 1)) if unbiased else (n * n, m * m)
    return 2 * mean(x, y, n * m) - mean(x, x, n_pairs) - mean(y, y, m_pairs)


@pytest.mark.parametrize("unbiased", [False, True])
def test_energy_agrees_with_definition(unbiased):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 3)), rng.normal(1, 2, size=(13, 3))
    assert energy_distance(x, y, unbiased=unbiased) == pytest.approx(slow_energy(x, y, unbiased=unbiased))


def test_energy_is_the_square_of_scipy_on_a_line():
    rng = np.random.default_rng(1)
    x, y, a, b = rng.normal(size=50), rng.normal(1, 2, size=70), rng.random(50), rng.random(70)
    ours = energy_distance(x[:, None], y[:, None], x_weights=a, y_weights=b)
    assert ours == pytest.approx(root_of_energy(x, y, a, b) ** 2)


@pytest.mark.parametrize("unbiased", [False, True])
def test_energy_is_the_same_in_small_blocks(monkeypatch, unbiased):
    rng = np.random.default_rng(2)
    x, y, a = rng.normal(size=(57, 2)), rng.normal(size=(31, 2)), rng.random(57)
    whole = energy_distance(x, y, x_weights=a, unbiased=unbiased)
    monkeypatch.setattr(_pairwise, "MAX_ENTRIES", 150)
    assert energy_distance(x, y, x_weights=a, unbiased=unbiased) == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
def test_energy_of_one_population_is_zero_on_average_when_unbiased(weighted):
    rng = np.random.default_rng(3)
    weights = np.arange(1.0, 11.0) if weighted else None
    pairs = rng.normal(size=(3000, 2, 10, 2))
    values = [energy_distance(x, y, x_weights=weights, unbiased=True) for x, y in pairs]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(len(values))


def test_energy_refuses_one_cell_when_unbiased():
    with pytest.raises(ValueError, match="at least two cells of positive weight"):
        energy_distance([[0.0]], [[1.0], [2.0]], unbiased=True)
