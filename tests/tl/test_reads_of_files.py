"""Images and sequences in a file: how much of it is read at once."""

from __future__ import annotations

from typing import Any

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest

from scgde import tl
from scgde.data.stores import _blocks, _open
from scgde.model import _inference, _training
from scgde.sets._alphabet import Alphabet

FIT: dict[str, Any] = {
    "max_steps": 2,
    "set_size": 10,
    "sets_per_batch": 2,
    "encoder": "deep_sets",
    "validation_fraction": 0,
    "progress_bar": False,
    "accelerator": "cpu",
}
#: Cells that are read at once, at most, and images and sequences of so many values each.
AT_ONCE, SHAPES = 64, {"images": (1, 8, 8), "tokens": (64,)}


@pytest.fixture
def reads(monkeypatch):
    """Rows of each read of an HDF5 dataset, with limits that are small beside a small file."""
    monkeypatch.setattr(_open, "MAX_COPY_BYTES", 0)
    monkeypatch.setattr(_inference, "MAX_CELLS_PER_SET", AT_ONCE)
    for module, name in (
        (_blocks, "_VALUES_PER_READ"),
        (_training, "_VALUES_PER_READ"),
        (_inference, "_MAX_VALUES_ON_CPU"),
    ):
        monkeypatch.setattr(module, name, AT_ONCE * 64)
    n_rows, read = [], h5py.Dataset.__getitem__

    def recorded(self, args, **options):
        values = read(self, args, **options)
        n_rows.append(len(values))
        return values

    monkeypatch.setattr(h5py.Dataset, "__getitem__", recorded)
    return n_rows


@pytest.mark.filterwarnings("ignore:Cells of:UserWarning", "ignore:The generator:UserWarning")
@pytest.mark.parametrize("kind", SHAPES)
def test_images_and_sequences_in_a_file_are_read_in_small_parts(kind, reads, tmp_path):
    n_cells, rng = 40 * AT_ONCE, np.random.default_rng(0)
    adata = ad.AnnData(obs=pd.DataFrame({"donor": np.arange(n_cells) % 5}, index=np.arange(n_cells).astype(str)))
    with h5py.File(tmp_path / "cells.h5", "w") as file:
        cells = rng.integers(1, 5, size=(n_cells, *SHAPES[kind]), dtype=np.uint8)
        adata.obsm["X_cells"] = file.create_dataset("cells", data=cells, chunks=(1, *SHAPES[kind]))
        if kind == "tokens":
            adata.uns["X_cells"] = Alphabet("ACGT").to_uns()
        tl.fit_gde(adata, "donor", use_rep="X_cells", **FIT)
    assert sum(reads) > 2 * n_cells
    assert max(reads) <= AT_ONCE
