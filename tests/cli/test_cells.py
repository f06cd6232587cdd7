"""Commands that write cells: those that the functions of the same name return."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pytest

from scgde import tl
from scgde.results import read_model


def test_embed_writes_what_embed_writes(succeeds, donors_file, tmp_path):
    new = ad.read_h5ad(donors_file)[:200].copy()
    del new.uns["gde"], new.obs["gde_set"], new.obsm["X_gde"]
    new.write_h5ad(tmp_path / "new.h5ad")
    said = succeeds("embed", tmp_path / "new.h5ad", donors_file, "-o", tmp_path / "out.h5ad", "--key-added", "mine")
    found = ad.read_h5ad(tmp_path / "out.h5ad")
    tl.embed(new, ad.read_h5ad(donors_file))
    np.testing.assert_allclose(found.uns["mine"]["embedding"], new.uns["gde"]["embedding"], atol=1e-6)
    assert f"embeddings of {len(new.uns['gde']['sets'])} sets" in said


def test_embed_takes_the_folder_of_a_model(succeeds, donors_file, tmp_path):
    read_model(ad.read_h5ad(donors_file), "gde").save(tmp_path / "model")
    succeeds("embed", donors_file, tmp_path / "model", "-g", "donor", "-o", tmp_path / "out.h5ad")
    expected = ad.read_h5ad(donors_file).uns["gde"]["embedding"]
    np.testing.assert_allclose(ad.read_h5ad(tmp_path / "out.h5ad").uns["gde"]["embedding"], expected, atol=1e-6)


def test_generate_writes_what_generate_returns(succeeds, donors_file, tmp_path):
    options = ["--n-cells", 7, "--seed", 3, "-o", tmp_path / "out.h5ad"]
    said = succeeds("generate", donors_file, "donor_01", "donor_02", *options)
    expected = tl.generate(ad.read_h5ad(donors_file), ["donor_01", "donor_02"], n_cells=7, seed=3)
    np.testing.assert_allclose(ad.read_h5ad(tmp_path / "out.h5ad").X, expected.X, atol=1e-6)
    assert "14 generated cells" in said


def test_generate_takes_groups_of_sets_by_value(succeeds, donors_file, tmp_path):
    succeeds("generate", donors_file, "shift=control", "donor_01", "--n-cells", 2, "-o", tmp_path / "out.h5ad")
    expected = tl.generate(ad.read_h5ad(donors_file), [{"shift": "control"}, "donor_01"], n_cells=2)
    found = ad.read_h5ad(tmp_path / "out.h5ad")
    np.testing.assert_allclose(found.X, expected.X, atol=1e-6)
    assert set(found.obs["set"]) == {"shift=control", "donor_01"}


def test_generate_without_names_takes_all_sets(succeeds, donors_file, tmp_path):
    succeeds("generate", donors_file, "--n-cells", 2, "-o", tmp_path / "out.h5ad")
    assert ad.read_h5ad(tmp_path / "out.h5ad").obs["set"].nunique() == 20


def test_transport_writes_what_transport_returns(succeeds, clones_file, tmp_path):
    adata = ad.read_h5ad(clones_file)
    source, target = adata.uns["tde"]["pairs"][["source", "target"]].iloc[0]
    succeeds("transport", clones_file, source, target, "--n-times", 3, "-o", tmp_path / "out.h5ad")
    expected = tl.transport(adata, source, target, n_times=3)
    np.testing.assert_allclose(ad.read_h5ad(tmp_path / "out.h5ad").X, expected.X, atol=1e-5)


def test_transport_without_a_target_forecasts(succeeds, clones_file, tmp_path):
    adata = ad.read_h5ad(clones_file)
    pair = adata.uns["tde"]["pairs"].iloc[0]
    time = adata.uns["tde"]["sets"].loc[pair["target"], "time"]
    succeeds("transport", clones_file, pair["source"], "--to", time, "--n-draws", 2, "-o", tmp_path / "out.h5ad")
    expected = tl.forecast(adata, pair["source"], to=time, n_draws=2)
    np.testing.assert_allclose(ad.read_h5ad(tmp_path / "out.h5ad").X, expected.X, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["generate", "{donors}", "none"], "none"),
        (["generate", "{donors}", "--key", "other"], "`--key` must name a fit in FILE, got 'other'"),
        (["generate", "{donors}", "--n-cells", "0"], "`n_cells` must be at least 1, got 0"),
        (["transport", "{donors}", "donor_01", "donor_02"], "a fit of `scgde.tl.fit_tde`"),
        (["embed", "{donors}", "{donors}", "-g", "dono"], "`groupby` must name columns of `adata.obs`"),
    ],
)
def test_commands_say_what_is_wrong_and_write_nothing(arguments, text, fails, donors_file, tmp_path):
    arguments = [argument.format(donors=donors_file) for argument in arguments]
    assert text in fails(*arguments, "-o", tmp_path / "out.h5ad")
    assert list(tmp_path.iterdir()) == []


def test_commands_refuse_to_replace_a_file(fails, donors_file):
    assert "Pass `--overwrite`" in fails("generate", donors_file, "-o", donors_file)
