from __future__ import annotations

import os
import subprocess
import sys

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from scgde import __version__, datasets, tl
from scgde.cli import app


@pytest.fixture(scope="module")
def cells_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("cells") / "cells.h5ad"
    adata = datasets.cohort(12, n_genes=20, n_cells=(12, 30), n_batches=2)
    adata.write_h5ad(path)
    return path


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def fails(result, text):
    """One line on what went wrong, exit code 2, no traceback."""
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: ")
    assert text in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    return True


def test_version_is_shown():
    result = run("--version")
    assert (result.exit_code, result.stdout) == (0, f"scgde {__version__}\n")


@pytest.mark.parametrize("command", ["demo", "fit"])
def test_help_names_groupby(command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert "--groupby" in result.stdout


@pytest.mark.parametrize("command", ["demo", "fit"])
def test_threads_are_limited_within_the_command_only(command, cells_file, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    before, seen = torch.get_num_threads(), []
    monkeypatch.setattr(tl, "fit_gde", lambda *args, **kwargs: seen.append((torch.get_num_threads(), kwargs)))
    run(command, cells_file, "-g", "donor", "-o", tmp_path / "out.h5ad", "--threads", before + 1, "--device", "cpu")
    threads, options = seen[0]
    assert (threads, options["accelerator"]) == (before + 1, "cpu")
    assert torch.get_num_threads() == before
    assert fails(run(command, cells_file, "-g", "donor", "--threads", 0), "`--threads` must be at least 1, got 0")


@pytest.mark.parametrize("given", [None, "ACTIVE"])
def test_threads_wait_without_spinning_unless_the_user_asks_otherwise(given):
    program = "import scgde, os; print(os.environ['OMP_WAIT_POLICY'])"
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    environment |= {} if given is None else {"OMP_WAIT_POLICY": given}
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment
    )
    assert result.stdout.strip() == (given or "PASSIVE")


def test_app_imports_no_heavy_library():
    heavy = {"torch", "scvi", "scanpy", "anndata", "matplotlib", "pandas"}
    program = f"import sys, scgde.cli; print(sorted({heavy!r} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_demo_of_a_file_writes_cells_scores_and_figures(cells_file, tmp_path):
    before = cells_file.read_bytes()
    result = run("demo", cells_file, "--groupby", "donor", "--quick", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    folder = tmp_path / "out" / "cells"
    names = {path.name for path in folder.iterdir()}
    assert names == {"cells.h5ad", "scores.csv", "embedding.png", "history.png", "generated.png"}
    assert str(folder) in result.stdout
    scores = pd.read_csv(folder / "scores.csv")
    table = ad.read_h5ad(folder / "cells.h5ad").uns["gde"]["sets"]
    assert set(scores["set"]) == set(table.index[table["split"] == "test"])
    assert f"{scores['generated'].mean():.3f}" in result.stdout
    assert cells_file.read_bytes() == before


@pytest.mark.slow
def test_demo_brings_its_own_data(tmp_path):
    result = run("demo", "--quick", "-o", tmp_path)
    assert result.exit_code == 0, result.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"cohort", "pbmc68k"}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["missing.h5ad", "-g", "donor"], "must be an existing h5ad file, got 'missing.h5ad'"),
        (["{cells}"], "`--groupby` must name a column of `obs`"),
        (["{cells}", "-g", "dono"], "`groupby` must name columns of `adata.obs`, got ['dono']"),
        (["{cells}", "-g", "donor", "--use-rep", "X_none"], "`use_rep`"),
        (["{cells}", "-g", "composition"], "5 sets of 10 cells are required to hold one in five out, got 2"),
        (["-g", "donor"], "need a FILE, got none"),
    ],
)
def test_demo_says_what_is_wrong_in_one_line(arguments, text, cells_file, tmp_path):
    arguments = [argument.format(cells=cells_file) for argument in arguments]
    assert fails(run("demo", *arguments, "--quick", "-o", tmp_path / "out"), text)
    assert not (tmp_path / "out").exists()


def test_demo_refuses_a_file_of_another_kind(tmp_path):
    path = tmp_path / "cells.h5ad"
    path.write_text("no cells here")
    assert fails(run("demo", path, "-g", "donor", "-o", tmp_path / "out"), "cannot be read as one")


def test_fit_writes_what_fit_gde_writes(cells_file, tmp_path):
    output = tmp_path / "fitted.h5ad"
    result = run("fit", cells_file, "-g", "donor", "-o", output, "--max-steps", 5, "--n-latent", 6, "--seed", 3)
    assert result.exit_code == 0, result.stderr
    assert "Fitted 12 sets" in result.stdout
    expected, found = ad.read_h5ad(cells_file), ad.read_h5ad(output)
    tl.fit_gde(expected, "donor", max_steps=5, n_latent=6, seed=3, progress_bar=False)
    np.testing.assert_array_equal(found.uns["gde"]["embedding"], expected.uns["gde"]["embedding"])


def test_fit_combines_columns_and_notes_what_is_dropped(cells_file, tmp_path):
    options = ["-g", "batch", "-g", "cell_type", "--min-cells", 25, "--max-steps", 2, "--key-added", "mine"]
    result = run("fit", cells_file, *options, "-o", tmp_path / "fitted.h5ad")
    assert result.exit_code == 0, result.stderr
    adata = ad.read_h5ad(tmp_path / "fitted.h5ad")
    table = adata.uns["mine"]["sets"]
    assert table.columns[:2].tolist() == ["batch", "cell_type"]
    n_sets = adata.obs.groupby(["batch", "cell_type"], observed=True).size()
    assert len(table) == (n_sets >= 25).sum()
    assert ("Note: Dropped" in result.stderr) == (n_sets < 25).any()


def test_fit_refuses_to_replace_a_file_without_overwrite(cells_file, tmp_path):
    output = tmp_path / "fitted.h5ad"
    output.write_text("mine")
    options = ["fit", cells_file, "-g", "donor", "-o", output, "--max-steps", 2]
    assert fails(run(*options), "exists. Pass `--overwrite`")
    assert output.read_text() == "mine"
    assert run(*options, "--overwrite").exit_code == 0
    assert "gde" in ad.read_h5ad(output).uns


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ([], "`--groupby` must name a column of `obs`"),
        (["-g", "dono"], "`groupby` must name columns of `adata.obs`, got ['dono']"),
        (["-g", "donor", "--encoder", "none"], "`encoder` must be one of"),
        (["-g", "donor", "--layer", "none"], "`layer` must name a layer"),
        (["-g", "donor", "--min-cells", "1000"], "At least one set with `min_cells=1000`"),
        (["-g", "donor", "-o", "{folder}/fitted.txt"], "must end in .h5ad"),
        (["-g", "donor", "-o", "{folder}/none/fitted.h5ad"], "must be in an existing folder"),
    ],
)
def test_fit_says_what_is_wrong_in_one_line(options, text, cells_file, tmp_path):
    options = [option.format(folder=tmp_path) for option in options]
    assert fails(run("fit", cells_file, "-o", tmp_path / "fitted.h5ad", *options), text)
    assert list(tmp_path.iterdir()) == []


def test_fit_says_in_one_line_that_there_is_no_such_device(cells_file, tmp_path):
    options = ["fit", cells_file, "-g", "donor", "-o", tmp_path / "fitted.h5ad", "--max-steps", 2]
    assert fails(run(*options, "--accelerator", "tpu"), "`accelerator` and `devices` must be what this machine has")
    assert list(tmp_path.iterdir()) == []


def test_fit_says_in_one_line_that_the_loss_is_not_finite(cells_file, tmp_path, monkeypatch):
    def diverge(*args, **options):
        msg = "The training loss must be finite, got nan at step 10. Lower `lr`."
        raise FloatingPointError(msg)

    monkeypatch.setattr("scgde.tl.fit_gde", diverge)
    assert fails(run("fit", cells_file, "-g", "donor", "-o", tmp_path / "fitted.h5ad"), "loss must be finite, got nan")
    assert list(tmp_path.iterdir()) == []


def test_fit_refuses_an_output_that_is_a_folder_before_any_work(cells_file, tmp_path, monkeypatch):
    monkeypatch.setattr("scgde.tl.fit_gde", None)
    (tmp_path / "x.h5ad").mkdir()
    options = ["fit", cells_file, "-g", "donor", "-o", tmp_path / "x.h5ad", "--overwrite"]
    assert fails(run(*options), "`--output` must be a file, but")


def test_fit_with_a_time_fits_transports(clones_file, tmp_path):
    sizes = ["--max-steps", 5, "--min-cells", 1, "--n-latent", 4, "--set-size", 8, "--sets-per-batch", 8]
    result = run("fit", clones_file, "-g", "clone", "--time-key", "time", "-o", tmp_path / "fitted.h5ad", *sizes)
    assert result.exit_code == 0, result.stderr
    assert {"source", "target"} <= set(ad.read_h5ad(tmp_path / "fitted.h5ad").uns["tde"]["pairs"])


def test_fit_with_a_batch_removes_it(cells_file, tmp_path):
    options = ["--batch-key", "batch", "--max-steps", 2, "-o", tmp_path / "fitted.h5ad"]
    assert run("fit", cells_file, "-g", "donor", *options).exit_code == 0
    assert ad.read_h5ad(tmp_path / "fitted.h5ad").uns["gde"]["params"]["batch_key"] == "batch"


def test_fit_refuses_options_of_the_other_model(cells_file, tmp_path):
    options = ["--time-key", "severity", "--batch-key", "batch", "-o", tmp_path / "fitted.h5ad"]
    assert fails(run("fit", cells_file, "-g", "donor", *options), "do not take `--batch-key`")
