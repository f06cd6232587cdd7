from __future__ import annotations

import numpy as np
import pytest

from scgde.data import blocks

N_CELLS = 50


@pytest.mark.parametrize("n_rows", [1, 16, 1000])
def test_blocks_cover_the_matrix_in_order(matrix, counts, n_rows):
    starts, parts = zip(*blocks(matrix, n_rows=n_rows), strict=True)
    assert starts == tuple(range(0, N_CELLS, n_rows))
    assert all(part.dtype == np.float32 for part in parts)
    np.testing.assert_array_equal(np.concatenate(parts), counts)
