from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import anndata as ad
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

# Before torch is imported: several processes test, and threads that wait for each other are slow.
os.environ.setdefault("OMP_NUM_THREADS", "1")

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
