from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import zarr
from scipy import sparse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scgde.model import GDE

# Before torch is imported: several processes test, and threads that wait for each other are slow.
os.environ.setdefault("OMP_NUM_THREADS", "1")

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
DEFAULT_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of real datasets: $SCGDE_DATA, or `shared/data` beside the project."""
    return Path(os.environ.get("SCGDE_DATA", DEFAULT_DATA))


@pytest.fixture(scope="session")
def real_data(data_dir: Path) -> Callable[[str], Path]:
    """Path of a real dataset; the test is skipped where the file is absent."""

    def find(name: str) -> Path:
        path = data_dir / name
        if not path.exists():
            pytest.skip(f"needs the real dataset {name}: not in {data_dir} (set $SCGDE_DATA to its folder)")
        return path

    return find


@pytest.fixture(params=["h5ad", "zarr"])
def round_trip(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[ad.AnnData], ad.AnnData]:
    """Write an AnnData to a file of each kind in turn, and read it back.

    The zarr file is in memory: its hundreds of small parts take ten times as long on a disk.
    """
    file = tmp_path / "round_trip.h5ad" if request.param == "h5ad" else zarr.storage.MemoryStore()

    def write_and_read(adata: ad.AnnData) -> ad.AnnData:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Writing zarr v2", UserWarning)
            getattr(adata, f"write_{request.param}")(file)
        return getattr(ad, f"read_{request.param}")(file)

    return write_and_read


@pytest.fixture(scope="session")
def tiny() -> dict[str, Any]:
    """Options of a fit that takes well under a second."""
    return copy.deepcopy(TINY)


@pytest.fixture(scope="session")
def fit(tiny: dict[str, Any]) -> Callable[..., GDE]:
    """``tl.fit_gde`` with tiny defaults."""
    from scgde import tl

    def fit_tiny(adata: ad.AnnData, groupby: Any = "set", **options: Any) -> GDE:
        return tl.fit_gde(adata, groupby, **{**tiny, **options})

    return fit_tiny


@pytest.fixture
def fitted(fitted_once: tuple[ad.AnnData, GDE]) -> ad.AnnData:
    """A fitted copy of such sets."""
    return fitted_once[0].copy()


@pytest.fixture
def model(fitted_once: tuple[ad.AnnData, GDE]) -> GDE:
    """The model of ``fitted``, not to be changed."""
    return fitted_once[1]


@pytest.fixture(scope="session")
def unchanged() -> Callable[[ad.AnnData], Any]:
    """Context in which an AnnData must not change."""

    @contextmanager
    def check(adata: ad.AnnData) -> Iterator[None]:
        was_view, obs, x = adata.is_view, adata.obs.copy(), _dense(adata.X)
        var = adata.var.copy()
        obsm = {name: _dense(adata.obsm[name]) for name in adata.obsm}
        layers = {name: _dense(adata.layers[name]) for name in adata.layers}
        uns = _keys(adata.uns)
        yield
        assert adata.is_view == was_view
        pd.testing.assert_frame_equal(adata.obs, obs)
        pd.testing.assert_frame_equal(adata.var, var)
        np.testing.assert_array_equal(_dense(adata.X), x)
        assert list(adata.obsm) == list(obsm)
        assert list(adata.layers) == list(layers)
        for name, value in obsm.items():
            np.testing.assert_array_equal(_dense(adata.obsm[name]), value)
        assert _keys(adata.uns) == uns

    return check


def _dense(x: Any) -> Any:
    return x.toarray() if sparse.issparse(x) else np.array(x)


def _keys(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _keys(value[name]) for name in value}
    return list(value) if isinstance(value, pd.DataFrame) else np.shape(value)
