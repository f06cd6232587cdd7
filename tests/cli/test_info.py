from __future__ import annotations

import re

import anndata as ad
import pandas as pd
import pytest

from scgde.cli._fits import fit_key, training_line


def test_info_says_what_the_fit_is(succeeds, donors_file):
    adata, said = ad.read_h5ad(donors_file), succeeds("info", donors_file)
    table, history = adata.uns["gde"]["sets"], adata.uns["gde"]["history"]
    best = history.loc[history["validation_loss"].idxmin()]
    assert f"20 of {table['n_cells'].sum():,} cells" in said
    assert "12 train, 4 validation, 4 test, by donor" in said
    assert "20 in X, continuous" in said
    assert re.search(r"embedding +4 dimensions", said)
    assert f"20 steps, best validation loss {best['validation_loss']:.4g} at step {best['step']:.0f}" in said


def test_info_of_transports_names_their_model(succeeds, clones_file):
    assert re.search(r"tde\n +model +TDE: pooled_gnn, flow_matching", succeeds("info", clones_file))


def test_info_refuses_a_file_without_a_fit(fails, tmp_path):
    ad.AnnData(obs=pd.DataFrame(index=["a", "b"])).write_h5ad(tmp_path / "cells.h5ad")
    assert "FILE must hold a fit, but has none" in fails("info", tmp_path / "cells.h5ad")


def test_fit_key_is_the_only_one_or_the_one_asked_for(donors_file):
    adata = ad.read_h5ad(donors_file)
    assert fit_key(adata, None) == fit_key(adata, "gde") == "gde"
    adata.uns["again"] = adata.uns["gde"]
    with pytest.raises(KeyError, match="`--key` must name one of the 2 fits"):
        fit_key(adata, None)
    with pytest.raises(KeyError, match="`--key` must name a fit in FILE, got 'other'"):
        fit_key(adata, "other")


def test_training_line_without_validation_says_so():
    history = pd.DataFrame({"step": [10, 20], "train_loss": [2.0, 1.0], "validation_loss": [float("nan")] * 2})
    assert training_line(history) == "20 steps, no validation sets"
