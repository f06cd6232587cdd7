from __future__ import annotations

import numpy as np
import pytest

from scgde.data._cumulative import CumulativeTable


@pytest.mark.parametrize("size", [7, (5, 3), 0])
def test_table_draws_what_the_generator_chooses(size):
    weights = np.random.default_rng(0).uniform(0.1, 5, size=1000)
    drawn = CumulativeTable(weights).draw(size, rng=np.random.default_rng(1))
    expected = np.random.default_rng(1).choice(1000, size=size, p=weights / weights.sum())
    np.testing.assert_array_equal(drawn, expected)


def test_table_draws_in_proportion_to_weights():
    drawn = CumulativeTable([1.0, 3.0, 6.0]).draw(20_000, rng=np.random.default_rng(0))
    np.testing.assert_allclose(np.bincount(drawn) / 20_000, [0.1, 0.3, 0.6], atol=0.015)
