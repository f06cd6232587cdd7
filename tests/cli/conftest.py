from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from typer.testing import CliRunner

from scgde import datasets, tl
from scgde.cli import app

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="session")
def run() -> Callable[..., Any]:
    """The command line, with the outcome of a command."""

    def run(*arguments: Any) -> Any:
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return run


@pytest.fixture(scope="session")
def succeeds(run: Callable[..., Any]) -> Callable[..., str]:
    """What a command says where it succeeds."""

    def succeeds(*arguments: Any) -> str:
        result = run(*arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    return succeeds


@pytest.fixture(scope="session")
def fails(run: Callable[..., Any]) -> Callable[..., str]:
    """What a command says where it fails: one line, with exit code 2, no traceback."""

    def fails(*arguments: Any) -> str:
        result = run(*arguments)
        assert result.exit_code == 2
        lines = [line for line in result.stderr.strip().splitlines() if not line.startswith("Note: ")]
        assert len(lines) == 1
        assert lines[0].startswith("Error: ")
        return lines[0]

    return fails


@pytest.fixture(scope="session")
def donors_file(fit: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fit of donors, some of them held out."""
    path = tmp_path_factory.mktemp("donors") / "fitted.h5ad"
    adata = datasets.cohort(20, n_genes=20, n_cells=(20, 40), n_batches=2)
    number = adata.obs["donor"].cat.codes
    adata.obs["part"] = np.select([number % 5 == 0, number % 5 == 1], ["test", "validation"], "train")
    fit(adata, "donor", split_key="part")
    adata.write_h5ad(path)
    return path


@pytest.fixture(scope="session")
def clones_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fit of transports of clones, some of them held out."""
    path = tmp_path_factory.mktemp("clones") / "fitted.h5ad"
    adata = datasets.clones(20, paired_fraction=0.5, unlabeled_fraction=0.05, n_features=4, seed=0)
    number = adata.obs["clone"].cat.codes
    adata.obs["split"] = np.select([number % 3 == 0, number % 10 == 1], ["test", "validation"], "train")
    network = {"n_steps": 4, "backbone_kwargs": {"n_hidden": 16, "n_layers": 1}}
    sizes = {"n_latent": 4, "min_cells": 1, "max_steps": 20, "sets_per_batch": 8, "set_size": 8}
    options = {"split_key": "split", "transport_kwargs": network, "progress_bar": False, "accelerator": "cpu"}
    tl.fit_tde(adata, "clone", time_key="time", predictor="ridge", **sizes, **options)
    adata.write_h5ad(path)
    return path
