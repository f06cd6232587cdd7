from __future__ import annotations

import numpy as np
import pandas as pd

from scgde.data import CellSets, CellView, SetIndex, open_store
from scgde.data.representations import Vectors
from scgde.model import TDE
from scgde.model._inference import MAX_CELLS_PER_SET, covariance_of_sets
from scgde.model._predictor_fit import covariance_of
from scgde.nn.cells import CellSpec


def test_covariance_of_a_large_set_does_not_depend_on_the_order_of_the_file():
    """It is estimated from some of the cells, which must not be the first ones."""
    n_cells = 2 * MAX_CELLS_PER_SET
    x = np.sort(np.random.default_rng(0).normal(size=(n_cells, 2)), axis=0).astype(np.float32)
    model = TDE(cells=CellSpec.vectors(2), n_latent=2, encoder="deep_sets", encoder_kwargs={"n_hidden": 8}, seed=1)
    index = SetIndex.from_codes(np.zeros(n_cells, dtype=int), 1)
    exact = covariance_of_sets(model.module, open_store(x), index, max_cells=n_cells)[0]
    view = CellView(Vectors.unnamed(2), open_store(x))
    found = covariance_of(model, CellSets(view, view, index, pd.DataFrame(index=["all"])), np.array([0, 0]))
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_allclose(np.trace(found[0]), np.trace(exact), rtol=0.1)
