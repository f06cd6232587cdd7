from __future__ import annotations

import numpy as np

from scgde.pl._draw.labels import shorten_distinctly, spread


def test_shorten_distinctly_leaves_out_what_all_share():
    long = [f"a clone of the second experiment {i} of many" for i in range(12)]
    assert shorten_distinctly(long) == [f"…{i}…" for i in range(12)]
    assert shorten_distinctly(["a", "b"]) == ["a", "b"]
    assert len(set(shorten_distinctly([f"{i} clone of the second experiment" for i in range(12)]))) == 12


def test_spread_moves_what_is_near_apart_and_nothing_else():
    np.testing.assert_allclose(spread(np.array([0.0, 5.0, 9.0]), 1.0), [0, 5, 9])
    np.testing.assert_allclose(spread(np.array([0.0, 4.0, 4.0, 4.0]), 1.0), [0, 3, 4, 5])
    assert len(spread(np.array([]), 1.0)) == 0
