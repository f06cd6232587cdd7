from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from scgde import datasets
from scgde.model import GDE

if TYPE_CHECKING:
    import anndata as ad

#: A network and a training that take well under a second.
NETWORK: dict[str, Any] = {
    "n_latent": 4,
    "encoder_kwargs": {"n_hidden": 16},
    "generator_kwargs": {"n_steps": 4, "backbone_kwargs": {"n_hidden": 16, "n_layers": 1}},
}
TRAINING: dict[str, Any] = {
    "max_steps": 30,
    "sets_per_batch": 8,
    "set_size": 8,
    "steps_per_validation": 10,
    "validation_fraction": 0.2,
    "accelerator": "cpu",
    "progress_bar": False,
}


@pytest.fixture(scope="session")
def network() -> dict[str, Any]:
    """Options of a small network."""
    return NETWORK


@pytest.fixture(scope="session")
def training() -> dict[str, Any]:
    """Options of a short training."""
    return TRAINING


def make_cells() -> ad.AnnData:
    """Ten sets of 6 to 16 cells with four features, some cells in no set."""
    adata = datasets.gaussian_sets(10, (6, 16), 4, seed=0)
    adata.obs["donor"] = adata.obs["set"].astype(object)
    adata.obs.loc[adata.obs_names[::17], "donor"] = None
    adata.obs["donor"] = adata.obs["donor"].astype("category")
    adata.obsm["X_rep"] = adata.X[:, :3] * 2
    adata.layers["counts"] = np.random.default_rng(0).poisson(3, adata.shape)
    return adata


@pytest.fixture
def cells() -> ad.AnnData:
    """Ten sets of 6 to 16 cells with four features, some cells in no set."""
    return make_cells()


@pytest.fixture
def registered(cells: ad.AnnData) -> ad.AnnData:
    """Such cells, set up by ``donor``."""
    GDE.setup_anndata(cells, set_key="donor")
    return cells


@pytest.fixture(scope="session")
def trained() -> GDE:
    """A trained model, not to be changed."""
    cells = make_cells()
    GDE.setup_anndata(cells, set_key="donor")
    model = GDE(cells, **NETWORK)
    model.train(**TRAINING)
    return model
