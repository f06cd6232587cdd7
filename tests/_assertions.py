"""What holds of AnnData that several functions return."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from anndata import AnnData


def assert_counts(cells: AnnData, source: AnnData) -> None:
    """Whole numbers, CSR, of the genes of ``source``, in ``X`` and the layer, with their sums in ``obs``."""
    for x in (cells.X, cells.layers["counts"]):
        assert sparse.issparse(x)
        assert x.format == "csr"
        assert x.dtype == np.int32
        assert x.min() >= 0
    assert cells.var_names.tolist() == source.var_names.tolist()
    np.testing.assert_array_equal(cells.obs["library_size"], np.asarray(cells.X.sum(axis=1)).ravel())
