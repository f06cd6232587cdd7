from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc

from scgde import datasets, pp, tl

if TYPE_CHECKING:
    from collections.abc import Callable

    from scgde.model import GDE


@pytest.fixture
def cells() -> ad.AnnData:
    """Ten sets of 6 to 16 cells with four features in ``X``."""
    adata = datasets.gaussian_sets(10, (6, 16), 4, seed=0)
    adata.layers["counts"] = np.random.default_rng(0).poisson(3, adata.shape)
    adata.obs["donor"] = adata.obs["set"].astype(str).to_numpy()
    adata.obs["included"] = np.arange(adata.n_obs) % 5 > 0
    return adata


@pytest.fixture(scope="session")
def fitted_once(fit: Callable[..., GDE]) -> tuple[ad.AnnData, GDE]:
    adata = datasets.gaussian_sets(10, (6, 16), 4, seed=0)
    return adata, fit(adata, validation_fraction=0.2)


def pca_cells(seed: int = 0) -> ad.AnnData:
    """Eight sets of 30 cells with twelve genes; two directions carry the sets."""
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(8), 30)
    shift = rng.normal(size=(8, 2)) @ rng.normal(size=(2, 12)) * 2
    x = (5 + shift[codes] + rng.normal(size=(len(codes), 12))).astype(np.float32)
    obs = pd.DataFrame({"donor": pd.Categorical([f"d{code}" for code in codes])}, index=[f"c{i}" for i in range(240)])
    return ad.AnnData(x, obs=obs, var=pd.DataFrame(index=[f"g{i}" for i in range(12)]))


@pytest.fixture(scope="session")
def pca_fitted_once(fit: Callable[..., GDE]) -> ad.AnnData:
    adata = pca_cells()
    sc.pp.pca(adata, n_comps=4)
    fit(adata, "donor", max_steps=200, sets_per_batch=16, set_size=16, validation_fraction=0)
    return adata


@pytest.fixture
def pca_fitted(pca_fitted_once: ad.AnnData) -> ad.AnnData:
    """A fit on the principal components of genes."""
    return pca_fitted_once.copy()


@pytest.fixture(scope="session")
def tiny_tde(tiny: dict[str, Any]) -> dict[str, Any]:
    """Options of a transport that fits in well under a second."""
    options = {name: value for name, value in tiny.items() if name != "generator_kwargs"}
    return {**options, "min_cells": 1, "transport_kwargs": tiny["generator_kwargs"]}


@pytest.fixture(scope="session")
def tde_fitted_once(tiny_tde: dict[str, Any]) -> ad.AnnData:
    adata = datasets.clones(30, paired_fraction=0.5, unlabeled_fraction=0.05, n_features=4, seed=0)
    adata.obs["split"] = np.where(adata.obs["clone"].cat.codes % 3 == 0, "test", "train")
    tl.fit_tde(adata, "clone", time_key="time", split_key="split", **tiny_tde)
    tl.fit_tde(adata, "clone", time_key="time", split_key="split", condition="source", key_added="source", **tiny_tde)
    return adata


@pytest.fixture
def tde_fitted(tde_fitted_once: ad.AnnData) -> ad.AnnData:
    """Clones with a transport under ``"tde"`` and one conditioned on the source alone under ``"source"``."""
    return tde_fitted_once.copy()


@pytest.fixture(scope="session")
def pca_tde_fitted(tiny_tde: dict[str, Any]) -> ad.AnnData:
    """A transport of the principal components of genes, fitted without pairs; not to be changed."""
    adata = pca_cells()
    sc.pp.pca(adata, n_comps=4)
    tl.fit_tde(adata, "donor", **tiny_tde)
    return adata


@pytest.fixture
def ends(tde_fitted_once: ad.AnnData) -> tuple[str, str]:
    """Source and target of a pair of clones on days 2 and 4."""
    pairs = tde_fitted_once.uns["tde"]["pairs"]
    return tuple(pairs.loc[pairs["time_from"] == 2, ["source", "target"]].iloc[0])


def make_screen(seed: int = 0) -> ad.AnnData:
    """Two lines with four singles and three doubles; one double, and one single in one line, are held out."""
    parts = {}
    for line in ("a", "b"):
        sizes = {"n_singles": 4, "n_doubles": 3, "n_cells": 20, "n_control": 40, "n_features": 4}
        parts[line] = datasets.perturbations(**sizes, seed=seed)
        parts[line].X = parts[line].X + np.float32(0.5 * (line == "b"))
    adata = ad.concat(parts, label="line", index_unique="-")
    of_parts = np.stack([adata.obs["perturbation"].str.contains(f"p_{i}") for i in range(4)], axis=1)
    adata.X = adata.X + (of_parts @ np.random.default_rng(0).normal(0, 3, size=(4, 4))).astype(np.float32)
    double = min(name for name in adata.obs["perturbation"].unique() if "+" in name)
    is_single = (adata.obs["perturbation"] == "p_3") & (adata.obs["line"] == "b")
    adata.obs["split"] = np.where((adata.obs["perturbation"] == double) | is_single, "test", "train")
    return adata


@pytest.fixture(scope="session")
def screen() -> Callable[..., ad.AnnData]:
    """Make a screen of perturbations in two lines."""
    return make_screen


@pytest.fixture(scope="session")
def screen_fitted(tiny_tde: dict[str, Any]) -> ad.AnnData:
    adata = make_screen()
    pairs = pp.perturbation_pairs(adata, "perturbation", "control", context_key="line")
    options = {**tiny_tde, "max_steps": 60, "min_cells": 10}
    tl.fit_tde(adata, ["line", "perturbation"], pairs=pairs, split_key="split", **options)
    return adata


@pytest.fixture
def fitted_screen(screen_fitted: ad.AnnData) -> ad.AnnData:
    """A fit on perturbations in two lines, with a double and a pair held out."""
    return screen_fitted.copy()
