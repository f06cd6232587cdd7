from __future__ import annotations

import copy
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anndata as ad
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

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
    """Write an AnnData to a file of each kind in turn, and read it back."""

    def write_and_read(adata: ad.AnnData) -> ad.AnnData:
        path = tmp_path / f"round_trip.{request.param}"
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Writing zarr v2", UserWarning)
            getattr(adata, f"write_{request.param}")(path)
        return getattr(ad, f"read_{request.param}")(path)

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
