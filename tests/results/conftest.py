from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from scgde import datasets, tl

if TYPE_CHECKING:
    from collections.abc import Callable

    import anndata as ad

    from scgde.model import GDE

#: A model that fits in well under a second.
TINY = {
    "n_latent": 4,
    "min_cells": 2,
    "max_steps": 20,
    "sets_per_batch": 8,
    "set_size": 8,
    "progress_bar": False,
    "accelerator": "cpu",
    "encoder_kwargs": {"n_hidden": 16},
    "generator_kwargs": {"n_steps": 4, "backbone_kwargs": {"n_hidden": 16, "n_layers": 1}},
}


def make_cells() -> ad.AnnData:
    """Ten sets of 6 to 16 cells with four features in ``X``, and two more in ``obsm``."""
    adata = datasets.gaussian_sets(10, (6, 16), 4, seed=0)
    adata.obsm["X_rep"] = np.asarray(adata.X[:, :2] ** 2, dtype=np.float32)
    return adata


@pytest.fixture(scope="session")
def tiny() -> dict[str, Any]:
    """Options of a fit that takes well under a second."""
    return TINY


@pytest.fixture(scope="session")
def fit() -> Callable[..., GDE]:
    """``tl.fit_gde`` with tiny defaults."""

    def fit_tiny(adata: ad.AnnData, **options: Any) -> GDE:
        return tl.fit_gde(adata, "set", **{**TINY, **options})

    return fit_tiny


@pytest.fixture
def cells() -> ad.AnnData:
    """Sets of cells that are not fitted."""
    return make_cells()


@pytest.fixture(scope="session")
def fitted_once(fit: Callable[..., GDE]) -> tuple[ad.AnnData, GDE]:
    adata = make_cells()
    return adata, fit(adata, validation_fraction=0.2)


@pytest.fixture
def fitted(fitted_once: tuple[ad.AnnData, GDE]) -> ad.AnnData:
    """A fitted copy of such sets."""
    return fitted_once[0].copy()


@pytest.fixture
def model(fitted_once: tuple[ad.AnnData, GDE]) -> GDE:
    """The model of ``fitted``, not to be changed."""
    return fitted_once[1]
