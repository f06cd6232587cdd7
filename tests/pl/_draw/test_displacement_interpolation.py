from __future__ import annotations

import numpy as np
import ot
import pytest
from scipy.spatial.distance import cdist

from scgde.pl._draw.displacement_interpolation import interpolate_by_displacement


def test_interpolate_by_displacement_takes_cells_to_their_partners_under_optimal_transport():
    rng = np.random.default_rng(0)
    x, y, z = rng.normal(size=(40, 3)), rng.normal(size=(40, 3)) + 2, rng.normal(size=(40, 3)) - 5
    cells_at = interpolate_by_displacement([x, y, z], np.array([0, 0.25, 0.5, 1]), n_cells=40)
    uniform = np.full(40, 1 / 40)
    cost = np.square(cells_at[0] - cells_at[2]).sum(axis=1).mean()
    assert cost == pytest.approx(ot.emd2(uniform, uniform, cdist(x, y, "sqeuclidean")))
    np.testing.assert_allclose(cells_at[1], (cells_at[0] + cells_at[2]) / 2)
    for cells, step in ((x, 0), (y, 2), (z, 3)):
        assert np.unique(cells_at[step], axis=0) == pytest.approx(np.unique(cells, axis=0))


def test_interpolate_by_displacement_gives_every_cell_of_a_small_set_about_equally_often():
    x = np.arange(4.0)[:, None]
    cells_at = interpolate_by_displacement([x, x], np.array([-1.0, 0.0, 2.0]), n_cells=10)
    assert sorted(np.unique(cells_at[1], return_counts=True)[1]) == [2, 2, 3, 3]
    np.testing.assert_allclose(cells_at[0], cells_at[1] - (cells_at[2] - cells_at[1]) / 2)
