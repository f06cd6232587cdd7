from __future__ import annotations

import numpy as np
import ot
import pytest

from scgde.metrics import sliced_wasserstein
from scgde.metrics._sliced import _directions


@pytest.mark.parametrize("weighted", [False, True])
def test_sliced_agrees_with_pot_for_unequal_sizes(weighted):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 3)), rng.normal(1, 2, size=(41, 3))
    a, b = (rng.dirichlet(np.ones(30)), rng.dirichlet(np.ones(41))) if weighted else (None, None)
    expected = ot.sliced_wasserstein_distance(x, y, a, b, projections=_directions(3, 50, 4).T)
    ours = sliced_wasserstein(x, y, x_weights=a, y_weights=b, n_projections=50, seed=4)
    assert ours == pytest.approx(expected)


def test_sliced_is_exact_on_a_line():
    # Half of the mass moves by 1, half by 3.
    value = sliced_wasserstein([[0.0], [10.0]], [[1.0], [1.0], [13.0], [13.0]], n_projections=3)
    assert value == pytest.approx(np.sqrt((1 + 9) / 2))


def test_sliced_depends_on_the_seed_only():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(30, 5)), rng.normal(1, 2, size=(30, 5))
    assert sliced_wasserstein(x, y, seed=1) == sliced_wasserstein(x, y, seed=1)
    assert sliced_wasserstein(x, y, seed=1) != sliced_wasserstein(x, y, seed=2)


def test_sliced_refuses_no_projection():
    with pytest.raises(ValueError, match="`n_projections` must be at least 1"):
        sliced_wasserstein([[0.0]], [[1.0]], n_projections=0)
