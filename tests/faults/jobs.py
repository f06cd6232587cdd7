"""What is killed, and what is read afterwards: functions of paths, each run in a process of its own."""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from itertools import cycle
from typing import TYPE_CHECKING, Any

import anndata as ad
import numpy as np
import torch

from scgde import tl
from scgde.cli import app
from scgde.cli._files import write_cells
from scgde.model import GDE

if TYPE_CHECKING:
    from multiprocessing.synchronize import Event
    from pathlib import Path


def run(name: str, ready: Event, arguments: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)  # equal bits need equal threads
    warnings.filterwarnings("ignore", "A simple description of a set")
    ready.set()
    globals()[name](*arguments)


def fit(cells: Path, checkpoint_dir: Path | None, options: dict[str, Any], result: Path) -> None:
    """Fit, and write what must be equal to the last bit."""
    adata = ad.read_h5ad(cells)
    tl.fit_gde(adata, "set", checkpoint_dir=checkpoint_dir, **options)
    fitted = adata.uns["gde"]
    np.savez(result, embedding=fitted["embedding"], state=fitted["model"]["state"], history=fitted["history"])


def save_forever(folder: Path, models: list[Path]) -> None:
    """Save one model over the other, again and again."""
    for model in cycle([GDE.load(path) for path in models]):
        model.save(folder, overwrite=True)


def write_forever(output: Path, files: list[Path]) -> None:
    """Write one AnnData over the other as the command line does, again and again."""
    for adata in cycle([ad.read_h5ad(path) for path in files]):
        write_cells(adata, output)


def command_line(arguments: list[str], log: Path, temporary: Path) -> None:
    """The command `scgde`, with what it says in a file."""
    tempfile.tempdir = str(temporary)
    with log.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        sys.argv = ["scgde", *arguments]
        app()
