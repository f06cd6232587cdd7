"""Commands and their options. Heavy libraries load within a command, so that help is fast."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scgde import __version__
from scgde.cli._console import plain_messages, say
from scgde.cli._threads import limited_threads

app = typer.Typer(
    help="Generative distribution embeddings for sets of cells: donors, clones, perturbations, time points.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    rich_markup_mode=None,
)

GroupBy = Annotated[
    list[str] | None,
    typer.Option("--groupby", "-g", help="Column of `obs` that names the set of a cell; repeat to combine columns."),
]
UseRep = Annotated[
    str | None,
    typer.Option(help="Entry of `obsm` with the features, or X. [default: X_pca if there, else X]"),
]
Layer = Annotated[str | None, typer.Option(help="Layer with the features.")]
MinCells = Annotated[int, typer.Option(help="Smaller sets are dropped.")]
Seed = Annotated[int, typer.Option(help="Random seed.")]
Threads = Annotated[int | None, typer.Option(help="CPU threads. [default: those of OMP_NUM_THREADS, else all cores]")]
Device = Annotated[str, typer.Option("--device", "--accelerator", help="auto, cpu, gpu, ...")]


def _show_version(value: bool) -> None:
    if value:
        say(f"scgde {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Generative distribution embeddings for sets of cells: donors, clones, perturbations, time points."""


@app.command()
def demo(
    file: Annotated[Path | None, typer.Argument(help="An h5ad file.")] = None,
    groupby: GroupBy = None,
    use_rep: UseRep = None,
    layer: Layer = None,
    min_cells: MinCells = 10,
    max_steps: Annotated[int, typer.Option(help="Optimiser steps.")] = 500,
    seed: Seed = 0,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for results.")] = Path("scgde_demo"),
    device: Device = "auto",
    threads: Threads = None,
    quick: Annotated[bool, typer.Option("--quick", help="A few steps, to see that all works.")] = False,
) -> None:
    """Fit, score generated cells on held-out sets, draw.

    Without FILE: simulated donors, and real blood cells that scanpy brings; nothing is downloaded.
    """
    with plain_messages(), limited_threads(threads):
        from scgde.cli._demo import Settings, run_demo

        settings = Settings(use_rep, layer, min_cells, max_steps, seed, device, quick)
        run_demo(file, groupby or [], output, settings)


@app.command()
def fit(
    file: Annotated[Path, typer.Argument(help="An h5ad file.")],
    groupby: GroupBy = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The h5ad file to write.")] = Path("fitted.h5ad"),
    use_rep: UseRep = None,
    layer: Layer = None,
    mask: Annotated[str | None, typer.Option(help="Boolean column of `obs`: cells with False are left out.")] = None,
    min_cells: MinCells = 10,
    encoder: Annotated[str, typer.Option(help="Set encoder.")] = "pooled_gnn",
    generator: Annotated[str, typer.Option(help="Generator of cells.")] = "flow_matching",
    n_latent: Annotated[int | None, typer.Option(help="Dimensions of the embedding.")] = None,
    isometry: Annotated[
        float | None, typer.Option(help="Weight that ties latent distance to Wasserstein-2; default by kind of cells.")
    ] = None,
    split_key: Annotated[
        str | None, typer.Option(help="Column of `obs` with train, validation and other sets.")
    ] = None,
    max_steps: Annotated[int | None, typer.Option(help="Optimiser steps.")] = None,
    device: Device = "auto",
    threads: Threads = None,
    checkpoint_dir: Annotated[
        Path | None, typer.Option(help="Folder of the training state: an interrupted fit resumes from it.")
    ] = None,
    seed: Seed = 0,
    key_added: Annotated[str, typer.Option(help="Name under which results are written.")] = "gde",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing output file.")] = False,
) -> None:
    """Fit one embedding per set and write it to a file.

    The file holds the cells, the embeddings and the model itself.
    """
    with plain_messages(), limited_threads(threads):
        from scgde.cli._fit import run_fit

        options = {
            "use_rep": use_rep,
            "layer": layer,
            "mask": mask,
            "min_cells": min_cells,
            "encoder": encoder,
            "generator": generator,
            "n_latent": n_latent,
            "isometry": isometry,
            "split_key": split_key,
            "max_steps": max_steps,
            "accelerator": device,
            "checkpoint_dir": checkpoint_dir,
            "seed": seed,
            "key_added": key_added,
        }
        run_fit(file, groupby or [], output, options, overwrite=overwrite)
