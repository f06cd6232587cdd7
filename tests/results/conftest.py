from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from scgde import datasets

if TYPE_CHECKING:
    from collections.abc import Callable

    import anndata as ad

    from scgde.model import GDE


def make_cells() -> ad.AnnData:
    """Ten sets of 6 to 16 cells with four features in ``X``, and two more in ``obsm``."""
    adata = datasets.gaussian_sets(10, (6, 16), 4, seed=0)
    adata.obsm["X_rep"] = np.asarray(adata.X[:, :2] ** 2, dtype=np.float32)
    return adata


@pytest.fixture
def cells() -> ad.AnnData:
    """Sets of cells that are not fitted."""
    return make_cells()


@pytest.fixture(scope="session")
def fitted_once(fit: Callable[..., GDE]) -> tuple[ad.AnnData, GDE]:
    adata = make_cells()
    return adata, fit(adata, validation_fraction=0.2)
