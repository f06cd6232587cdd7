"""The AnnData holds its own model: in files, and in other processes."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
import warnings

import anndata as ad
import numpy as np
import pytest

from scgde import tl
from scgde.data import CellSets
from scgde.model import StoredModelError
from scgde.model._io import to_storable
from scgde.results._store import read_model, write_fit

PROGRAM = """
import json, sys, anndata as ad, numpy as np
from scgde import tl
folder, options = sys.argv[1], json.loads(sys.argv[2])
for kind in ("h5ad", "zarr"):
    fitted, new = (getattr(ad, f"read_{kind}")(f"{folder}/{name}.{kind}") for name in ("fitted", "new"))
    tl.embed(new, fitted)
    np.savez(f"{folder}/{kind}.npz", embedding=new.obsm["X_gde"], cells=tl.generate(fitted, n_cells=5).X)
del new.obs["gde_set"], new.obsm["X_gde"], new.uns["gde"]
tl.fit_gde(new, "set", **options)
np.savez(f"{folder}/fit.npz", embedding=new.obsm["X_gde"])
"""


def test_new_process_gives_the_same_numbers(fitted, cells, fit, tiny, tmp_path):
    new = cells[::2].copy()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Writing zarr v2", UserWarning)
        for kind in ("h5ad", "zarr"):
            getattr(fitted, f"write_{kind}")(tmp_path / f"fitted.{kind}")
            getattr(new, f"write_{kind}")(tmp_path / f"new.{kind}")
    subprocess.run([sys.executable, "-c", PROGRAM, str(tmp_path), json.dumps(tiny)], check=True)

    tl.embed(new, fitted)
    drawn = tl.generate(fitted, n_cells=5).X
    for kind in ("h5ad", "zarr"):
        with np.load(tmp_path / f"{kind}.npz") as other:
            np.testing.assert_array_equal(other["embedding"], new.obsm["X_gde"])
            np.testing.assert_array_equal(other["cells"], drawn)
    fit(new)
    with np.load(tmp_path / "fit.npz") as other:
        np.testing.assert_array_equal(other["embedding"], new.obsm["X_gde"])


def test_stored_model_holds_no_pickle(fitted):
    stored = fitted.uns["gde"]["model"]
    assert set(stored) == {"config", "state"}
    assert isinstance(json.loads(stored["config"]), dict)
    assert stored["state"].dtype == np.uint8
    header = int.from_bytes(stored["state"][:8].tobytes(), "little")
    assert "module.transform.center" in json.loads(stored["state"][8 : 8 + header].tobytes())


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("state", np.frombuffer(b"\x80\x04K\x01.", dtype=np.uint8)),
        ("state", np.zeros(0, dtype=np.uint8)),
        ("config", "not JSON"),
        ("config", "[1, 2]"),
    ],
    ids=["pickle", "empty", "text", "list"],
)
def test_stored_model_that_is_corrupt_is_refused(fitted, entry, value):
    fitted.uns["gde"]["model"][entry] = value
    with pytest.raises(ValueError, match=r"must be JSON and safetensors, got something else in `adata.uns\['gde'\]"):
        tl.generate(fitted)


@pytest.mark.parametrize(
    "entry", [3, None, "x", [], {}, {"config": "{}"}, {"state": 1}, {"config": None, "state": None}]
)
def test_stored_model_that_is_none_is_refused(fitted, entry):
    fitted.uns["gde"]["model"] = entry
    with pytest.raises(StoredModelError, match="A stored model must"):
        tl.generate(fitted)


def test_stored_model_of_other_parts_is_refused(fitted):
    config = json.loads(fitted.uns["gde"]["model"]["config"])
    config["init"]["n_latent"] = 7
    fitted.uns["gde"]["model"]["config"] = json.dumps(config)
    with pytest.raises(ValueError, match="A stored model must be as it was saved, got another config"):
        tl.generate(fitted)


def test_read_model_gives_the_history_of_the_fit(fitted, model):
    assert read_model(fitted, "gde").history.equals(model.history)


def test_read_model_survives_a_subset(fitted):
    names = fitted.uns["gde"]["sets"].index[2:5]
    part = fitted[fitted.obs["gde_set"].isin(names)].copy()
    np.testing.assert_array_equal(tl.generate(part, n_cells=2).X, tl.generate(fitted, names, n_cells=2).X)


def test_storable_options_are_plain_values_without_none():
    params = {"a": None, "b": (1, np.int64(2)), "c": {"d": None, "e": np.float32(0.5)}, "f": True}
    assert to_storable(params) == {"b": [1, 2], "c": {"e": 0.5}, "f": True}


def test_the_embedding_of_cells_is_allocated_once(cells, model):
    sets = CellSets.from_registered(cells, set_key="set")
    embedding = np.random.default_rng(0).normal(size=(len(sets.names), 5_000)).astype(np.float32)
    tracemalloc.start()
    write_fit(cells, sets, embedding, model, {}, key="gde")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(cells.obsm["X_gde"], embedding[cells.obs["set"].cat.codes])
    assert peak < 1.5 * cells.obsm["X_gde"].nbytes


def test_anndata_stays_readable_without_scgde(fitted, round_trip):
    assert isinstance(round_trip(fitted), ad.AnnData)
